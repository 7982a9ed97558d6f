"""
Find similar images, and duplicates
===================================

An index answers which images look alike, and a threshold of it which are nearly the same.
"""

import io

import numpy as np
from PIL import Image

from skembed import ImageSearch, PretrainedEmbedder, near_duplicates
from skembed.evaluation import demo_images
from skembed.inspection import gallery

tiles = demo_images()
names = np.array([f"{region}-{i}" for i, region in enumerate(tiles.regions)])
search = ImageSearch(PretrainedEmbedder(), n_neighbors=6).fit(tiles.images, names=names)

labels = ("cat", "rocket", "gravel")
asked = [np.flatnonzero(tiles.labels == label)[7] for label in labels]
distances, found = search.kneighbors(tiles.images[asked])
positions = np.searchsorted(names, found, sorter=np.argsort(names))
positions = np.argsort(names)[positions]
gallery(
    tiles.images[positions.ravel()],
    [f"{d:.2f}" for d in distances.ravel()],
    groups=np.repeat([f"most like this {label}" for label in labels], 6),
)

# %%
# Each group begins with the image that was asked for, at distance 0.
#
# Now somebody saves five tiles anew, as JPEG files, and puts them into the same folder.


def saved_anew(pixels):
    """Return the tile as a JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=92)
    return file.getvalue()


copies = [saved_anew(tiles.images[i]) for i in range(10, 60, 10)]
folder = [*tiles.images, *copies]
duplicates = near_duplicates(folder)
duplicates.pairs.sort_values("distance").head(8)

# %%
# The pairs with a copy, as pictures. Tiles of 90 pixels change a lot when they are compressed, so
# one of the five copies is missed; :doc:`/similar` says what is found among photographs. ``groups``
# keeps such images together in a cross-validation.

pairs = duplicates.pairs
closest = pairs[pairs["second"] >= len(tiles.images)].sort_values("distance").head(6)
pairs = closest[["first", "second"]].to_numpy().ravel()
gallery(
    [folder[i] for i in pairs],
    [f"{d:.2f}" for d in closest["distance"].repeat(2)],
    groups=np.repeat([f"tile {i}" for i in closest["first"]], 2),
)
