"""The other ways to learn from the same features, for bench/accuracy.ts.

Reads one JSON request on standard input and writes one JSON answer. A task names the rows of the
feature file that train (and, for `views`, rows of view files that train beside them) and the rows
to answer; what comes back is the predicted class of each.

- logistic: StandardScaler, LogisticRegressionCV (L2, L-BFGS, C by 5-fold cross-validation over
  seven decades; folds keep classes even, and views with their photo);
- nearest-mean: the class with the nearest mean after L2 normalisation (imprinting);
- frigate: Dense 128 relu, dropout 0.3, Dense C; Adam 1e-3, batch 16, 50 epochs, cross-entropy,
  Keras' initialisation (Glorot uniform, zero bias). All photos train: the original drops a fifth.
"""

import json
import sys
import warnings

import numpy as np


def logistic(x, y, parents, q, seed):
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    warnings.simplefilter("ignore")
    if len(set(parents)) == len(parents):
        folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y))
    else:
        folds = list(StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(x, y, parents))
    model = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(Cs=np.logspace(-5, 1, 7), cv=folds, max_iter=200),
    )
    model.fit(x, y)
    return model.predict(q)


def nearest_mean(x, y, parents, q, seed):
    unit = lambda a: a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-12)
    x, q = unit(x), unit(q)
    classes = np.unique(y)
    means = unit(np.stack([x[y == c].mean(0) for c in classes]))
    return classes[(q @ means.T).argmax(1)]


def frigate(x, y, parents, q, seed):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    model = nn.Sequential(
        nn.Linear(x.shape[1], 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, int(y.max()) + 1)
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
        return model(torch.from_numpy(q)).argmax(1).numpy()


METHODS = {"logistic": logistic, "nearest-mean": nearest_mean, "frigate": frigate}


def main():
    request = json.load(sys.stdin)
    size = request["featureSize"]
    load = lambda path: np.fromfile(path, np.float32).reshape(-1, size)
    originals, views = load(request["originals"]), [load(path) for path in request["views"]]
    labels = np.array(request["labels"])
    query = originals[request["test"]]
    answers = []
    for task in request["tasks"]:
        rows = np.array(task["rows"])
        x, y, parents = [originals[rows]], [labels[rows]], [rows]
        if task["views"] > 0:
            for view in views[: task["views"]]:
                x.append(view[np.array(task["viewRows"])])
                y.append(labels[rows])
                parents.append(rows)
        x, y, parents = np.concatenate(x), np.concatenate(y), np.concatenate(parents)
        method = METHODS[task["method"]]
        answers.append(method(x, y, parents, query, task["seed"]).tolist())
    json.dump(answers, sys.stdout)


main()
