"""
What is confused, and why
=========================

Which classes are taken for each other, by which images, and which features decided? And may a
label be wrong?
"""

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder
from skembed.evaluation import demo_images
from skembed.inspection import ConfusionsDisplay, confusions, explain, gallery, label_suspects

tiles = demo_images()
X = tiles.images
y = tiles.labels.astype(object)
y[np.flatnonzero(y == "cat")[4]] = "coffee"  # somebody was careless

clf = make_pipeline(PretrainedEmbedder(), LinearSVC())
ConfusionsDisplay.from_estimator(clf, X, y, cv=5)

# %%
# The images whose label is not the most probable class, the worst first. The first of them is
# the careless one.

suspects = label_suspects(clf, X, y, groups=tiles.regions)
captions = suspects["label"] + ", or " + suspects["suggested"] + "?"
gallery(X[suspects.index], captions)

# %%
# All that were taken for another class:

found = confusions(clf, X, y, cv=5, groups=tiles.regions)
found.errors.drop(columns="image", errors="ignore").head()

# %%
# What carried the decision for one image, as coefficient times value. These contributions and
# the intercept add up to the decision.

clf.fit(X, y)
explain(clf, X, 0, regions=False).features.head()
