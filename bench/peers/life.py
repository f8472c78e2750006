"""What others learn from the same labels and features, for bench/life.ts.

Reads one JSON request on standard input, writes one JSON answer: for each task the path of a file
of float32, query rows x classes: probabilities, or one-hot guesses where the method has none.
A class without a label gets 0.

- logistic: StandardScaler, LogisticRegression (L2, L-BFGS), C by cross-validation;
- logistic-l2: the same on L2-normalised features;
- svm: LinearSVC on L2-normalised features, C by cross-validation;
- lda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto") on the features as they are;
- nearest-mean: the class with the nearest mean of L2-normalised features;
- gaussian: a Gaussian with a covariance a class on square roots (Goswami et al., FeCAM, NeurIPS
  2023): Tukey's transform with 0.5, covariance shrunk to its mean diagonal and off-diagonal (1, 1),
  normalised to a correlation, Mahalanobis distance of normalised vectors;
- frigate: Dense 128 relu, dropout 0.3, Dense C; Adam 1e-3, batch 16, 50 epochs, cross-entropy,
  Keras' initialisation (Glorot uniform, zero bias). All photos train: the original drops a fifth.

Logistic regressions are fitted in the span of the training rows, which changes nothing in the
solution (its weights lie there) and is faster where rows are fewer than features.
"""

import json
import sys
import warnings

import numpy as np


def unit(a):
    return a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-12)


def folds_of(y, seed):
    from sklearn.model_selection import StratifiedKFold

    least = min(np.unique(y, return_counts=True)[1])
    if least < 2:
        return None
    return StratifiedKFold(min(5, int(least)), shuffle=True, random_state=seed)


def span(x):
    """Coordinates of the rows of x in their own span, and the map that leads there."""
    if len(x) >= x.shape[1]:
        return x, lambda q: q
    _, s, vt = np.linalg.svd(x, full_matrices=False)
    basis = vt[s > 1e-6 * s[0]].T
    return x @ basis, lambda q: q @ basis


def logistic_in(x, y, q, seed, values, fallback):
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

    x, lead = span(x)
    folds = folds_of(y, seed)
    if folds is None:
        model = LogisticRegression(C=fallback, max_iter=300)
    else:
        model = LogisticRegressionCV(Cs=values, cv=folds, max_iter=300)
    return model.fit(x, y).predict_proba(lead(q))


def logistic(x, y, q, seed):
    mean, std = x.mean(0), x.std(0)
    std[std == 0] = 1
    return logistic_in((x - mean) / std, y, (q - mean) / std, seed, np.logspace(-4, 0, 5), 0.01)


def logistic_l2(x, y, q, seed):
    return logistic_in(unit(x), y, unit(q), seed, np.logspace(-1, 3, 5), 10)


def one_hot(columns, count):
    out = np.zeros((len(columns), count), np.float32)
    out[np.arange(len(columns)), columns] = 1
    return out


def svm(x, y, q, seed):
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import LinearSVC

    x, lead = span(unit(x))
    folds = folds_of(y, seed)
    model = LinearSVC(C=1, max_iter=5000)
    if folds is not None:
        model = GridSearchCV(model, {"C": [0.1, 1, 10, 100]}, cv=folds)
    guesses = model.fit(x, y).predict(lead(unit(q)))
    return one_hot(np.searchsorted(np.unique(y), guesses), len(np.unique(y)))


def lda(x, y, q, seed):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    return model.fit(x.astype(np.float64), y).predict_proba(q.astype(np.float64))


def nearest_mean(x, y, q, seed):
    x, q = unit(x), unit(q)
    means = unit(np.stack([x[y == c].mean(0) for c in np.unique(y)]))
    return one_hot((q @ means.T).argmax(1), len(means))


def gaussian(x, y, q, seed):
    from scipy.linalg import cho_factor, cho_solve

    x, q = np.sqrt(np.maximum(x, 0)), np.sqrt(np.maximum(q, 0))
    distances = []
    for c in np.unique(y):
        own = x[y == c]
        d = own.shape[1]
        cov = np.cov(own.T) if len(own) > 1 else np.zeros((d, d))
        diagonal = cov.trace() / d
        off = (cov.sum() - cov.trace()) / (d * (d - 1))
        # One sample says nothing of its spread.
        diagonal = diagonal if diagonal > 0 else 1
        cov = cov + diagonal * np.eye(d) + off * (1 - np.eye(d))
        std = np.sqrt(np.diag(cov))
        correlation = (cov / np.outer(std, std)).astype(np.float32)
        correlation[np.diag_indices(d)] += 1e-6
        difference = unit(q) - unit(own.mean(0))
        distances.append((difference.T * cho_solve(cho_factor(correlation), difference.T)).sum(0))
    return one_hot(np.stack(distances, 1).argmin(1), len(distances))


def frigate(x, y, q, seed):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    classes, y = np.unique(y, return_inverse=True)
    model = nn.Sequential(
        nn.Linear(x.shape[1], 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, len(classes))
    )
    for layer in (model[0], model[3]):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    loss = nn.CrossEntropyLoss()
    x, y = torch.from_numpy(x), torch.from_numpy(y).long()
    for _ in range(50):
        for batch in torch.randperm(len(x)).split(16):
            adam.zero_grad()
            loss(model(x[batch]), y[batch]).backward()
            adam.step()
    model.eval()
    with torch.no_grad():
        return torch.softmax(model(torch.from_numpy(q)), 1).numpy()


METHODS = {
    "frigate": frigate,
    "logistic": logistic,
    "logistic-l2": logistic_l2,
    "svm": svm,
    "lda": lda,
    "nearest-mean": nearest_mean,
    "gaussian": gaussian,
}


def main():
    warnings.simplefilter("ignore")
    request = json.load(sys.stdin)
    features = np.fromfile(request["features"], np.float32).reshape(-1, request["featureSize"])
    for task in request["tasks"]:
        x, y = features[np.array(task["rows"])], np.array(task["labels"])
        query = features[np.array(task["query"])]
        answer = METHODS[task["method"]](x, y, query, task["seed"])
        out = np.zeros((len(query), request["classes"]), np.float32)
        out[:, np.unique(y)] = answer
        out.tofile(task["out"])
    json.dump(len(request["tasks"]), sys.stdout)


main()
