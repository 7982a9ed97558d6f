"""
Which layer is best?
====================

A stage means the same in every network: the last feature maps of one size. Early stages know
colours and edges, late ones know things. Which of them tells *your* classes apart, a
cross-validation says.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder
from skembed.evaluation import demo_images

tiles = demo_images()
layers = ["stage1", "stage2", "stage3", "stage4", "stage5", "embedding"]
embedder = PretrainedEmbedder(layers=layers)
rows = embedder.fit_transform(tiles.images)
print(f"one pass: {rows.shape[1]:,} features of {len(layers)} layers")

# %%
# ``layer_slices_`` says which columns belong to which layer.

cv = StratifiedGroupKFold(5)
clf = make_pipeline(StandardScaler(), LinearSVC(C=0.01))
scores = {
    layer: cross_val_score(clf, rows[:, columns], tiles.labels, cv=cv, groups=tiles.regions)
    for layer, columns in embedder.layer_slices_.items()
}

fig, axis = plt.subplots()
axis.errorbar(
    range(len(layers)),
    [scores[layer].mean() for layer in layers],
    [scores[layer].std() for layer in layers],
    fmt="o-",
    capsize=3,
)
axis.set_xticks(range(len(layers)), layers, rotation=30)
axis.set(ylabel="accuracy", title="Tiles of 13 photographs, five folds of strips")

# %%
# The columns of a stage and their names:

names = embedder.get_feature_names_out()
print(names[embedder.layer_slices_["stage3"]][:3])
print({layer: np.ptp([c.start, c.stop]) for layer, c in embedder.layer_slices_.items()})
