"""Times of scipy's L-BFGS, scikit-learn and PyTorch for bench/training.ts; one thread each.

Reads a JSON request on standard input, writes one JSON answer with processor seconds (the least of some).
"""

import json
import sys
import time
import warnings

import numpy as np
from scipy.optimize import fmin_l_bfgs_b

request = json.load(sys.stdin)
n, d, c = request["rows"], request["features"], request["classes"]
lam, repeats = request["lambda"], request["repeats"]
y = np.array(request["labels"])
raw = np.fromfile(request["folder"] + "/raw.f32", np.float32).reshape(n, d)
scaled = np.fromfile(request["folder"] + "/scaled.f32", np.float32).reshape(n, d)
share = 1 / (c * np.bincount(y, minlength=c)[y])


def objective(x):
    """Value and gradient of the same objective, matrix products in the precision of x."""
    kind = x.dtype
    target = np.zeros((n, c), kind)
    target[np.arange(n), y] = share
    weight = share[:, None].astype(kind)

    def evaluate(p):
        w, b = p[: c * d].reshape(c, d), p[c * d :]
        z = x @ w.T.astype(kind) + b.astype(kind)
        z -= z.max(1, keepdims=True)
        e = np.exp(z)
        total = e.sum(1, keepdims=True)
        loss = (share * (np.log(total[:, 0]) - z[np.arange(n), y])).sum()
        residual = weight * (e / total) - target
        gradient = np.concatenate([(residual.T @ x).ravel(), residual.sum(0)]).astype(float)
        gradient[: c * d] += lam * p[: c * d]
        return float(loss) + lam / 2 * float(p[: c * d] @ p[: c * d]), gradient

    return evaluate


class Reached(Exception):
    pass


def until(evaluate, target):
    """Ends at the first evaluation that is as low as the target."""

    def checked(p):
        value, gradient = evaluate(p)
        if value <= target:
            raise Reached
        return value, gradient

    try:
        fmin_l_bfgs_b(checked, np.zeros(c * (d + 1)), factr=10, pgtol=1e-9, maxiter=2000)
    except Reached:
        pass


def least(work, times=repeats):
    best = np.inf
    for _ in range(times):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def sklearn_fit():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    make_pipeline(StandardScaler(), LogisticRegression(C=1 / (lam * n), max_iter=1000)).fit(raw, y)


def torch_adam():
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Linear(d, c)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = torch.nn.CrossEntropyLoss()
    x, labels = torch.from_numpy(scaled), torch.from_numpy(y).long()
    for _ in range(50):
        for batch in torch.randperm(n).split(16):
            adam.zero_grad()
            loss(model(x[batch]), labels[batch]).backward()
            adam.step()


warnings.simplefilter("ignore")
double = objective(scaled.astype(float))
single = objective(scaled)
start = np.zeros(c * (d + 1))
best = fmin_l_bfgs_b(double, start, factr=10, pgtol=1e-8, maxiter=2000)[1]
json.dump(
    {
        "scipy_objective": best,
        "scipy_to_5_digits_s": least(lambda: until(double, best * (1 + 1e-5))),
        "scipy_default_s": least(lambda: fmin_l_bfgs_b(double, start)),
        "scipy_float32_to_5_digits_s": least(lambda: until(single, best * (1 + 1e-5))),
        "sklearn_fit_s": least(sklearn_fit),
        "torch_adam_s": least(torch_adam, 1),
    },
    sys.stdout,
)
