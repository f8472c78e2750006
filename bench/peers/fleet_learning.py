"""Federated averaging with Flower, for bench/fleet-learning.ts.

Reads one JSON request on standard input, writes one JSON answer. Softmax heads on the same features,
mini-batches of 32, on every robot; FedAvg (McMahan et al. 2017) and FedProx (Li et al. 2020) are Flower's
own strategies. They are driven in a loop in this process, as Flower's simulation does with Ray: the
strategy chooses the clients and their settings, and aggregates what they return.

Learning rate, local epochs and proximal mu are chosen on a fifth of the training rows of each robot,
which then train again; the test rows are only scored.
"""

import json
import logging
import sys

import numpy as np

try:
    import flwr
    from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
    from flwr.server.client_manager import SimpleClientManager
    from flwr.server.client_proxy import ClientProxy
    from flwr.server.strategy import FedAvg, FedProx
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit(0)

logging.getLogger("flwr").setLevel(logging.ERROR)
BATCH = 32
TUNING_ROUNDS = 20


class Robot(ClientProxy):
    def __init__(self, cid, x, y, classes):
        super().__init__(cid)
        self.x, self.y, self.classes = x, y, classes

    def fit(self, ins, timeout, group_id):
        weights, bias = (a.copy() for a in parameters_to_ndarrays(ins.parameters))
        start = weights.copy(), bias.copy()
        mu = float(ins.config.get("proximal_mu", 0.0))
        rate, epochs = float(ins.config["rate"]), int(ins.config["epochs"])
        random = np.random.default_rng([int(self.cid), int(ins.config["round"])])
        for _ in range(epochs):
            order = random.permutation(len(self.y))
            for at in range(0, len(order), BATCH):
                rows = order[at : at + BATCH]
                x = self.x[rows]
                error = softmax(x @ weights.T + bias)
                error[np.arange(len(rows)), self.y[rows]] -= 1
                error /= len(rows)
                weights -= rate * (error.T @ x + mu * (weights - start[0]))
                bias -= rate * (error.sum(0) + mu * (bias - start[1]))
        return FitRes(Status(Code.OK, ""), ndarrays_to_parameters([weights, bias]), len(self.y), {})

    def get_properties(self, ins, timeout, group_id):
        raise NotImplementedError

    def get_parameters(self, ins, timeout, group_id):
        raise NotImplementedError

    def evaluate(self, ins, timeout, group_id):
        raise NotImplementedError

    def reconnect(self, ins, timeout, group_id):
        raise NotImplementedError


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def run(robots, classes, size, rounds, rate, epochs, mu, score):
    manager = SimpleClientManager()
    for robot in robots:
        manager.register(robot)
    initial = ndarrays_to_parameters(
        [np.zeros((classes, size), np.float32), np.zeros(classes, np.float32)]
    )
    common = dict(
        fraction_fit=1.0,
        fraction_evaluate=0.0,
        min_fit_clients=len(robots),
        min_available_clients=len(robots),
        initial_parameters=initial,
        on_fit_config_fn=lambda n: {"rate": rate, "epochs": epochs, "round": n},
    )
    strategy = FedProx(proximal_mu=mu, **common) if mu > 0 else FedAvg(**common)
    parameters = strategy.initialize_parameters(manager)
    scores = []
    for n in range(1, rounds + 1):
        chosen = strategy.configure_fit(n, parameters, manager)
        results = [(client, client.fit(ins, None, None)) for client, ins in chosen]
        parameters, _ = strategy.aggregate_fit(n, results, [])
        scores.append(score(*parameters_to_ndarrays(parameters)))
    return scores


def accuracy(x, y):
    return lambda weights, bias: float((np.argmax(x @ weights.T + bias, 1) == y).mean())


def split(x, y, cid):
    """A fifth of a robot's rows, to choose by."""
    order = np.random.default_rng([7, cid]).permutation(len(y))
    held = order[: len(y) // 5]
    return np.setdiff1d(order, held), held


def main():
    request = json.load(sys.stdin)
    size, classes = request["featureSize"], request["classes"]
    x = np.fromfile(request["features"], np.float32).reshape(-1, size)
    # Rows of length 1 have gradients of 1/size; at this length one grid of rates fits all.
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) * 8
    y = np.array(request["labels"])
    test = np.array(request["test"])
    parts = [np.array(rows) for rows in request["robots"] if len(rows) > 0]
    tuning = [split(x[rows], y[rows], i) for i, rows in enumerate(parts)]
    tuners = [
        Robot(str(i), x[rows][keep], y[rows][keep], classes)
        for i, (rows, (keep, _)) in enumerate(zip(parts, tuning))
        if len(keep) > 0
    ]
    held = np.concatenate([rows[h] for rows, (_, h) in zip(parts, tuning)])
    robots = [Robot(str(i), x[rows], y[rows], classes) for i, rows in enumerate(parts)]
    answer = {"flwr": flwr.__version__, "strategies": {}}
    best = None
    for rate in (0.01, 0.03, 0.1, 0.3, 1.0):
        for epochs in (1, 5):
            score = run(tuners, classes, size, TUNING_ROUNDS, rate, epochs, 0, accuracy(x[held], y[held]))[-1]
            if best is None or score > best[0]:
                best = score, rate, epochs
    _, rate, epochs = best
    scores = run(robots, classes, size, request["rounds"], rate, epochs, 0, accuracy(x[test], y[test]))
    answer["strategies"]["fedavg"] = {"rate": rate, "epochs": epochs, "mu": 0, "accuracy": scores}
    best = max(
        (run(tuners, classes, size, TUNING_ROUNDS, rate, epochs, mu, accuracy(x[held], y[held]))[-1], mu)
        for mu in (0.001, 0.01, 0.1, 1.0)
    )
    mu = best[1]
    scores = run(robots, classes, size, request["rounds"], rate, epochs, mu, accuracy(x[test], y[test]))
    answer["strategies"]["fedprox"] = {"rate": rate, "epochs": epochs, "mu": mu, "accuracy": scores}
    print(json.dumps(answer))


main()
