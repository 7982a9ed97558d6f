"""
Where the network looks
=======================

A linear classifier on averages of feature maps can be drawn back over the image: the map adds
up to the decision.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder
from skembed.evaluation import demo_images
from skembed.inspection import ActivationMapDisplay, TopImagesDisplay, activation_map

tiles = demo_images()
clf = make_pipeline(PretrainedEmbedder(), LinearSVC()).fit(tiles.images, tiles.labels)

fig, axes = plt.subplots(1, 2, figsize=(9, 3.6))
for axis, name in zip(axes, ["cat", "coffee"], strict=True):
    photograph = data.chelsea() if name == "cat" else data.coffee()
    ActivationMapDisplay.from_estimator(clf, photograph, name, ax=axis)
    axis.set_title(name)

# %%
# The classifier has seen small tiles only. The parts of the map add up to what it decides:

found = activation_map(clf, data.chelsea(), "cat")
total = sum(layer_map.mean() for layer_map in found.layer_maps.values()) + found.offset
decision = clf.decision_function([data.chelsea()])[0, list(clf.classes_).index("cat")]
print(f"{total:.4f} from the map, {decision:.4f} from the classifier")
assert np.isclose(total, decision, atol=1e-3)

# %%
# The images that speak most for a class, and least:

TopImagesDisplay.from_estimator(clf, tiles.images, "cat")
