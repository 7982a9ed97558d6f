"""
A deepnet of BigML
==================

BigML gives a trained deepnet as a JSON file. ``skembed.bigml`` runs it as an estimator of
scikit-learn, without BigML's library. The file here is made from a small network that
scikit-learn trains, so that both can be compared.
"""

import json
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from skembed import bigml

iris = load_iris(as_frame=True)
frame, names = iris.data.iloc[:, 2:], iris.target_names
species = names[iris.target]
mean, deviation = frame.mean(), frame.std()
trained = MLPClassifier((12,), max_iter=2000, random_state=0)
trained.fit((frame - mean) / deviation, species)

# %%
# The document: how the columns are prepared, the layers, and what the outputs mean.


def dense(i, activation):
    """Return layer `i` of the trained network, as BigML writes it."""
    weights, offset = trained.coefs_[i].tolist(), trained.intercepts_[i].tolist()
    return {
        "type": "dense",
        "weights": weights,
        "offset": offset,
        "activation_function": activation,
    }


document = {
    "preprocess": [
        {"type": "numeric", "index": i, "mean": mean.iloc[i], "stdev": deviation.iloc[i]}
        for i in range(frame.shape[1])
    ],
    "layers": [dense(0, "relu"), dense(1, "softmax")],
    "output_exposition": {"type": "categorical", "values": trained.classes_.tolist()},
}
path = Path(mkdtemp()) / "deepnet.json"
path.write_text(json.dumps(document))

# %%
# It is trained, so it predicts at once.

clf = bigml.DeepnetClassifier(path, feature_names=list(frame.columns))
expected = trained.predict_proba((frame - mean) / deviation)
difference = np.abs(clf.predict_proba(frame) - expected).max()
print(
    f"accuracy {clf.score(frame, species):.3f}; {difference:.0e} from the network it was made of"
)

# %%
# What it says of each place on the plane.

classes = {name: i for i, name in enumerate(clf.classes_)}
fig, axis = plt.subplots()
grid = np.meshgrid(np.linspace(0.5, 7.5, 80), np.linspace(0, 2.8, 80))
cells = np.array(
    [classes[name] for name in clf.predict(np.c_[grid[0].ravel(), grid[1].ravel()])]
)
axis.pcolormesh(*grid, cells.reshape(grid[0].shape), cmap="viridis", alpha=0.3)
axis.scatter(*frame.to_numpy().T, c=iris.target, edgecolors="0.3", cmap="viridis")
axis.set(xlabel=frame.columns[0], ylabel=frame.columns[1])
