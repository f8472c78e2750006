"""Accuracy of a linear head on exported features: reads a job from stdin, writes JSON to stdout.

Needs python3-sklearn and python3-numpy. The job: sets [{name, file, featureSize}], labels [int],
train [bool], groups [int]. For each set: accuracy on the test photos with 10, 20 and up to 50
training photos a class, over five seeds that every set shares; and, to choose by without looking at
the test photos, accuracy with 20 a class inside the training photos, groups held together.
"""

import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

job = json.load(sys.stdin)
labels = np.array(job['labels'])
train = np.array(job['train'])
groups = np.array(job['groups'])


def accuracy(x, pool, holdout, per_class, seed):
    """Trains on per_class photos a class out of the pool's indices, scores the holdout's."""
    random = np.random.default_rng(seed)
    chosen = np.concatenate([
        random.permutation(pool[labels[pool] == c])[:per_class] for c in np.unique(labels)
    ])
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=5000))
    head.fit(x[chosen], labels[chosen])
    return float(head.score(x[holdout], labels[holdout]))


def summary(scores):
    return {'mean': round(float(np.mean(scores)), 4), 'scores': [round(s, 4) for s in scores]}


pool, holdout = np.flatnonzero(train), np.flatnonzero(~train)
folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
inside = [
    (pool[a], pool[b]) for a, b in folds.split(pool, labels[pool], groups[pool])
]
result = {}
for entry in job['sets']:
    x = np.fromfile(entry['file'], '<f4').reshape(-1, entry['featureSize'])
    scores = {
        str(n): summary([accuracy(x, pool, holdout, n, seed) for seed in range(5)])
        for n in (10, 20, 50)
    }
    scores['inside training photos, 20'] = summary(
        [accuracy(x, a, b, 20, seed) for a, b in inside for seed in range(3)]
    )
    result[entry['name']] = scores
    print(entry['name'], {k: v['mean'] for k, v in scores.items()}, file=sys.stderr)
print('test photos', len(holdout), 'training photos', len(pool), file=sys.stderr)
json.dump(result, sys.stdout)
