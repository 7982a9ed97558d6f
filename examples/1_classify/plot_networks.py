"""
Three networks compared
=======================

The network is a parameter like any other, so a search compares networks. Each image goes
through each network once, however many folds and candidates there are.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder, extraction
from skembed.evaluation import demo_images

tiles = demo_images()
some = np.arange(0, len(tiles.images), 2)
X, y, groups = tiles.images[some], tiles.labels[some], tiles.regions[some]

networks = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]
C = [0.001, 0.01, 0.1, 1]
before = extraction.images_run()
search = GridSearchCV(
    Pipeline([("emb", PretrainedEmbedder()), ("svm", LinearSVC())]),
    {"emb__backbone": networks, "svm__C": C},
    cv=StratifiedGroupKFold(5),
).fit(X, y, groups=groups)

n_fits = len(networks) * len(C) * 5
print(f"{n_fits} fits on {len(X)} images")
print(f"{extraction.images_run() - before} passes of an image through a network")

# %%
# Bars span one standard deviation over the folds. Where these are so wide, the smallest network
# will do.

scores = search.cv_results_["mean_test_score"].reshape(len(networks), len(C))
spread = search.cv_results_["std_test_score"].reshape(len(networks), len(C))
fig, axis = plt.subplots()
for i, name in enumerate(networks):
    place = np.arange(len(C)) + 0.08 * (i - 1)
    axis.errorbar(place, scores[i], spread[i], fmt="o-", capsize=3, label=name)
axis.set_xticks(range(len(C)), C)
axis.set(xlabel="C of the LinearSVC", ylabel="accuracy", title="Five folds of strips")
axis.legend(loc="lower left")

# %%
# The networks, their sizes and the licences of their weights are in a table. ``top1`` is the
# accuracy on ImageNet that was published.

from skembed import backbones

backbones.table(networks)[["size", "features", "megabytes", "speed", "top1", "licence"]]
