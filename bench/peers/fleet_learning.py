"""Federated averaging with Flower, for bench/fleet-learning.ts.

Reads one JSON request on standard input, writes one JSON answer. Softmax heads on the features that the
sums take, mini-batches of 32, on every robot in every round. FedAvg (McMahan et al. 2017) and FedProx
(Li et al. 2020) are Flower's own strategies. They are driven in a loop in this process instead of by
Flower's simulation, which needs Ray: the strategy chooses the clients and their settings, and aggregates
what they return.

Learning rate, local epochs, transform and proximal mu are chosen on a fifth of the training rows of each
robot, which then train again; the test rows are only scored.
"""

import json
import logging
import random
import sys
import time

import numpy as np
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server.client_manager import SimpleClientManager
from flwr.server.client_proxy import ClientProxy
from flwr.server.strategy import FedAvg, FedProx

logging.getLogger("flwr").setLevel(logging.ERROR)
BATCH = 32
RATES = (0.03, 0.1, 0.3, 1.0)
EPOCHS = (1, 5, 20)
PROXIMAL = (0.001, 0.01, 0.1, 1.0)
TUNING_ROUNDS = 10
# Rows of length 1 have gradients of 1/size; at this length one grid of rates fits all.
LENGTH = 8


class Robot(ClientProxy):
    def __init__(self, cid, x, y, classes):
        super().__init__(cid)
        self.x, self.y = x, y
        self.targets = np.eye(classes, dtype=np.float32)[y]

    def fit(self, ins, timeout, group_id):
        weights, bias = (a.copy() for a in parameters_to_ndarrays(ins.parameters))
        start = weights.copy(), bias.copy()
        mu = np.float32(ins.config.get("proximal_mu", 0.0))
        rate, epochs = np.float32(ins.config["rate"]), int(ins.config["epochs"])
        order_of = np.random.default_rng([int(self.cid), int(ins.config["round"])])
        for _ in range(epochs):
            order = order_of.permutation(len(self.y))
            for at in range(0, len(order), BATCH):
                rows = order[at : at + BATCH]
                x = self.x[rows]
                error = (softmax(x @ weights.T + bias) - self.targets[rows]) / np.float32(len(rows))
                change, shift = error.T @ x, error.sum(0)
                if mu > 0:
                    change += mu * (weights - start[0])
                    shift += mu * (bias - start[1])
                weights -= rate * change
                bias -= rate * shift
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


def rounds_of(robots, classes, rounds, rate, epochs, mu):
    """Yields the head after each round."""
    random.seed(1)
    manager = SimpleClientManager()
    for robot in robots:
        manager.register(robot)
    size = robots[0].x.shape[1]
    initial = [np.zeros((classes, size), np.float32), np.zeros(classes, np.float32)]
    common = dict(
        fraction_fit=1.0,
        fraction_evaluate=0.0,
        min_fit_clients=len(robots),
        min_available_clients=len(robots),
        initial_parameters=ndarrays_to_parameters(initial),
        on_fit_config_fn=lambda n: {"rate": rate, "epochs": epochs, "round": n},
    )
    strategy = FedProx(proximal_mu=mu, **common) if mu > 0 else FedAvg(**common)
    parameters = strategy.initialize_parameters(manager)
    for n in range(1, rounds + 1):
        chosen = strategy.configure_fit(n, parameters, manager)
        results = [(client, client.fit(ins, None, None)) for client, ins in chosen]
        parameters, _ = strategy.aggregate_fit(n, results, [])
        yield parameters_to_ndarrays(parameters)


class Deal:
    """What the robots of one deal have, without and with the rows to choose by."""

    def __init__(self, xs, y, parts, classes):
        parts = [np.array(rows) for rows in parts if len(rows) > 0]
        held = [hold_out(len(rows) // 5, len(rows), i) for i, rows in enumerate(parts)]
        if not any(h.any() for h in held):
            # All have fewer than five rows: one of each robot that keeps others.
            held = [hold_out(int(len(rows) > 1), len(rows), i) for i, rows in enumerate(parts)]
        self.xs, self.y, self.classes = xs, y, classes
        self.parts = parts
        self.kept = [rows[~h] for rows, h in zip(parts, held)]
        self.held = np.concatenate([rows[h] for rows, h in zip(parts, held)])
        self.scores = {}

    def robots(self, parts, transform):
        x = self.xs[transform]
        return [Robot(str(i), x[r], self.y[r], self.classes) for i, r in enumerate(parts) if len(r) > 0]

    def tune(self, rate, epochs, mu, transform):
        """Share of right answers among the held-out rows; equal shares are ordered by log-loss."""
        key = rate, epochs, mu, transform
        if key not in self.scores:
            robots = self.robots(self.kept, transform)
            *_, (w, b) = rounds_of(robots, self.classes, TUNING_ROUNDS, rate, epochs, mu)
            p = softmax(self.xs[transform][self.held] @ w.T + b)
            y = self.y[self.held]
            loss = -np.log(np.maximum(p[np.arange(len(y)), y], 1e-12)).mean()
            self.scores[key] = float((p.argmax(1) == y).mean()), -float(loss)
        return self.scores[key]

    def final(self, setting, rounds, test):
        rate, epochs, mu, transform = setting
        x, y = self.xs[transform][test], self.y[test]
        robots = self.robots(self.parts, transform)
        accuracy = [
            float(((x @ w.T + b).argmax(1) == y).mean())
            for w, b in rounds_of(robots, self.classes, rounds, rate, epochs, mu)
        ]
        named = dict(rate=rate, epochs=epochs, mu=mu, transform=transform)
        return dict(**named, heldAccuracy=self.tune(*setting)[0], accuracy=accuracy)

    def averaging(self):
        grid = [(rate, epochs, 0, "sqrt-l2") for rate in RATES for epochs in EPOCHS]
        best = max(grid, key=lambda s: self.tune(*s))
        return max([best, (*best[:3], "l2")], key=lambda s: self.tune(*s))

    def proximal(self, averaging):
        rate, epochs, _, transform = averaging
        return max([(rate, epochs, mu, transform) for mu in PROXIMAL], key=lambda s: self.tune(*s))


def hold_out(some, count, cid):
    held = np.zeros(count, bool)
    held[np.random.default_rng([7, cid]).permutation(count)[:some]] = True
    return held


def answer(xs, y, parts, classes, rounds, test, train):
    began = time.time()
    deal = Deal(xs, y, parts, classes)
    averaging = deal.averaging()
    fedavg = deal.final(averaging, rounds, test)
    fedprox = deal.final(deal.proximal(averaging), rounds, test)
    return dict(fedavg=fedavg, fedprox=fedprox, seconds=time.time() - began)


def main():
    request = json.load(sys.stdin)
    size, classes = request["featureSize"], request["classes"]
    xs = {}
    for name, file in request["files"].items():
        x = np.fromfile(file, np.float32).reshape(-1, size)
        norms = np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.float32(1e-12))
        xs[name] = x / norms * np.float32(LENGTH)
    y, test, train = (np.array(request[key]) for key in ("labels", "test", "train"))
    whole = Deal(xs, y, [train], classes)
    pooled = whole.final(whole.averaging(), request["rounds"], test)
    answers = []
    for i, parts in enumerate(request["deals"]):
        answers.append({**answer(xs, y, parts, classes, request["rounds"], test, train), "pooled": pooled})
        print(f"flower: deal {i + 1} of {len(request['deals'])}, {answers[-1]['seconds']:.0f} s", file=sys.stderr)
    print(json.dumps(answers))


main()
