"""
A first classifier
==================

A pretrained network makes a row of numbers of each image, and a linear classifier does the
rest. Here its accuracy is cross-validated, and its mistakes are shown.
"""

from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder
from skembed.evaluation import demo_images
from skembed.inspection import gallery

tiles = demo_images()
X, y = tiles.images, tiles.labels
gallery(X[4::11], y[4::11])

# %%
# ``X`` holds pixels here. Paths, URLs, bytes, PIL images or a column of a data frame do as
# well.
#
# Neighbouring tiles of a photograph are nearly the same picture. So the folds are made of
# ``regions``, strips of the photographs: no strip is in both train and test.

clf = make_pipeline(PretrainedEmbedder(), LinearSVC())
folds = StratifiedGroupKFold(5)
predicted = cross_val_predict(clf, X, y, cv=folds, groups=tiles.regions)
print(f"accuracy {(predicted == y).mean():.3f}")

# %%
# The five folds share one pass: each image went through the network once.

ConfusionMatrixDisplay.from_predictions(
    y, predicted, cmap="Purples", xticks_rotation=60, colorbar=False
)

# %%
# These are the tiles that were taken for another class.

wrong = predicted != y
gallery(X[wrong], [f"{a}, not {b}" for a, b in zip(predicted[wrong], y[wrong], strict=True)])
