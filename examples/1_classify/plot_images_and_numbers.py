"""
Images and numbers in one table
===============================

A column of images stands beside columns of numbers and of categories, in a
``ColumnTransformer`` like any other.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skembed import PretrainedEmbedder
from skembed.evaluation import demo_images
from skembed.inspection import gallery

# %%
# The table is made up: the picture says what a thing is, the numbers what it weighs and where
# it was bought. A thing is worth keeping if it is no texture and light, and one in twenty has
# the wrong label.

tiles = demo_images()
rng = np.random.default_rng(0)
kept = np.isin(tiles.labels, ["cat", "coffee", "brick", "gravel"])
things = tiles.labels[kept]
frame = pd.DataFrame(
    {
        "picture": list(tiles.images[kept]),
        "weight": rng.normal(1, 0.3, kept.sum()),
        "shop": rng.choice(["here", "there"], kept.sum()),
    }
)
keep = np.isin(things, ["cat", "coffee"]) & (frame["weight"] < 1.1)
keep ^= rng.random(len(keep)) < 0.05
gallery(frame["picture"][::5], keep[::5].map({True: "keep", False: "leave"}))

# %%

images_only = make_column_transformer((PretrainedEmbedder(normalize="l2"), "picture"))
numbers = ((StandardScaler(), ["weight"]), (OneHotEncoder(), ["shop"]))
numbers_only = make_column_transformer(*numbers)
both = make_column_transformer((PretrainedEmbedder(normalize="l2"), "picture"), *numbers)

scores = {
    name: cross_val_score(make_pipeline(columns, LogisticRegression(C=10)), frame, keep)
    for name, columns in {
        "numbers": numbers_only,
        "images": images_only,
        "images and numbers": both,
    }.items()
}

fig, axis = plt.subplots(figsize=(6, 2.2))
axis.boxplot(list(scores.values()), orientation="horizontal", tick_labels=list(scores))
axis.set(xlabel="accuracy in each of five folds")
