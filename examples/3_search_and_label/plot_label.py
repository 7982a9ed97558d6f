"""
Label from nothing
==================

Which image should be labelled next? The one that the classifier so far is least sure of teaches
it most. In a notebook, ``skembed.widgets.Labeller`` asks you; here the true labels answer.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder
from skembed.evaluation import demo_images
from skembed.inspection import gallery, next_to_label

tiles = demo_images()
y = tiles.labels
rows = PretrainedEmbedder(normalize="l2").transform(tiles.images)


def labelled_in_order(strategy, n=60):
    """Return the positions in the order that they are asked for, and the accuracy after each."""
    labels = np.full(len(y), None, object)
    order, accuracy = [], []
    while len(order) < n:
        for i in next_to_label(rows, labels, 4, strategy=strategy):
            labels[i] = y[i]
            order.append(i)
        known = np.array([label is not None for label in labels])
        if len(order) > 2 * len(set(y[known])) > 2:
            guessed = LinearSVC().fit(rows[known], y[known]).predict(rows[~known])
            accuracy.append((len(order), np.mean(guessed == y[~known])))
    return order, np.array(accuracy)


asked = {
    strategy: labelled_in_order(strategy) for strategy in ("diverse", "uncertain", "random")
}
fig, axis = plt.subplots()
for strategy, (_, accuracy) in asked.items():
    axis.plot(*accuracy.T, label=strategy)
axis.set(xlabel="labels given", ylabel="accuracy on all other tiles")
axis.legend()

# %%
# The first twelve that "diverse" asks for: they are as different as can be, so that few classes
# are met twice.

first = asked["diverse"][0][:12]
gallery(tiles.images[first], y[first])
