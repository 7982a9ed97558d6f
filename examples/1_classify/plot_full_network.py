"""
The full network against the last layer
=======================================

The full-network embedding takes every layer, standardises each feature over the training
images, and keeps three values: unusually absent (-1), ordinary (0), unusually present (+1).
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import FullNetworkEmbedder, PretrainedEmbedder, RowSpaceProjector
from skembed.evaluation import demo_images
from skembed.inspection import LayerContributionsDisplay

tiles = demo_images()
X, y, groups = tiles.images[::2], tiles.labels[::2], tiles.regions[::2]

last = make_pipeline(PretrainedEmbedder(), LinearSVC())
full = make_pipeline(FullNetworkEmbedder(), RowSpaceProjector(), LinearSVC(dual=True))
scores = {
    name: cross_val_score(clf, X, y, cv=StratifiedGroupKFold(5), groups=groups)
    for name, clf in {"last layer": last, "full network": full}.items()
}

fig, axis = plt.subplots(figsize=(6, 2.2))
axis.boxplot(
    list(scores.values()),
    orientation="horizontal",
    tick_labels=list(scores),
    patch_artist=True,
    widths=0.6,
    boxprops={"facecolor": "tab:purple", "alpha": 0.5},
)
axis.set(xlabel="accuracy in each of five folds")

# %%
# Which of them wins depends on the data and on how much of it there is: see the figures for
# flowers and textures in :doc:`/results`. ``RowSpaceProjector`` changes no decision; it makes
# the classifier fast where there are more features than images.
#
# Which layers does the classifier use?

full.fit(X, y)
LayerContributionsDisplay.from_estimator(full)
