"""
Pieces of images as features
============================

A prototype is a piece of one of your images, and its feature says how strongly that piece occurs
anywhere in another image. HMAX sees edges of four directions at several scales; there are no
weights to fetch.
"""

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle
from skimage import data
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder, PrototypeEmbedder, backbones
from skembed.evaluation import demo_images
from skembed.inspection import gallery, prototype_matches, prototype_regions

photographs = [data.chelsea(), data.coffee(), data.astronaut()]
hmax = backbones.get("hmax", image_resize_length=160, num_scales=5)
embedder = PrototypeEmbedder(hmax, n_prototypes=12, random_state=1).fit(photographs)
responses = embedder.transform(photographs)

fig, axes = plt.subplots(3, 3, figsize=(9, 7))
for prototype, row in zip([0, 4, 8], axes, strict=True):  # each from another photograph
    source = embedder.prototype_locations_[prototype, 0]
    matches = prototype_matches(embedder, photographs, prototype)
    for i, axis in enumerate(row):
        x, y, width, height = matches[i].box
        axis.imshow(photographs[i])
        axis.add_patch(Rectangle((x, y), width, height, fill=False, lw=2, color="yellow"))
        what = "taken from here" if i == source else "most like it"
        axis.set(title=f"{what}: {responses[i, prototype]:.2f}", xticks=[], yticks=[])

# %%
# Prototypes of a network are learnt in the same way, from the maps of one of its layers:

tiles = demo_images()
network = PrototypeEmbedder(
    "efficientnet_lite0", "stage4", n_prototypes=100, patch_width=4, random_state=0
)
network.fit(tiles.images)
some = range(0, 100, 9)
labels = tiles.labels[network.prototype_locations_[some, 0]]
gallery(prototype_regions(network, tiles.images, some), labels)

# %%
# How much do such features tell? Each fold learns prototypes of its own, and no image goes
# through a network twice.

contenders = {
    "HMAX, averages": PretrainedEmbedder(hmax),
    "HMAX, 100 prototypes": PrototypeEmbedder(hmax, n_prototypes=100, random_state=0),
    "stage4, averages": PretrainedEmbedder(layers="stage4"),
    "stage4, 100 prototypes": network,
}
cv = StratifiedGroupKFold(3)
scores = {}
for name, features in contenders.items():
    clf = make_pipeline(features, StandardScaler(), LinearSVC())
    scores[name] = cross_val_score(clf, tiles.images, tiles.labels, cv=cv, groups=tiles.regions)

fig, axis = plt.subplots()
axis.barh(list(scores), [accuracy.mean() for accuracy in scores.values()])
axis.invert_yaxis()
axis.set(xlabel="accuracy", title="Tiles of 13 photographs, three folds of strips")
