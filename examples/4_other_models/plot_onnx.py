"""
Export, and run in ONNX Runtime
===============================

A fitted pipeline becomes one file that runs where neither skembed nor scikit-learn is: in a
service, in C++, in a browser. Here ONNX Runtime runs it, and both answers are compared.
"""

from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import skembed
from skembed import PretrainedEmbedder
from skembed.evaluation import demo_images
from skembed.images import resize
from skembed.inspection import gallery

tiles = demo_images()
is_new = np.char.endswith(tiles.regions, "/4")  # the last strip of each photograph
known, new = tiles.images[~is_new], tiles.images[is_new]
clf = make_pipeline(PretrainedEmbedder(), LogisticRegression(max_iter=1000))
clf.fit(known, tiles.labels[~is_new])
gallery(new[::3], clf.predict(new[::3]))

# %%
# The file
# --------
# Network, pooling and classifier are in one graph. ``export`` runs what it has written and
# compares it with the pipeline before it returns. A file that differs never gets its name.

path = Path(mkdtemp()) / "classifier.onnx"
skembed.export(clf, path)
print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")

# %%
# Elsewhere
# ---------
# From here on, nothing of scikit-learn is used. The graph begins at pixels of the network's own
# size. Its metadata says how images are brought to that size, because another resize would
# give other numbers.

session = onnxruntime.InferenceSession(path)
facts = session.get_modelmeta().custom_metadata_map
print({name: facts[name] for name in ("backbone", "image_size", "resize", "layout")})

_, height, width, _ = session.get_inputs()[0].shape
pixels = np.stack([resize(tile, (height, width), facts["resize"]) for tile in new])
labels, probabilities = session.run(["label", "probabilities"], {"images": pixels})

# %%
# The same answers?
# -----------------

expected = clf.predict_proba(new)
print(f"{np.mean(labels == clf.predict(new)):.0%} of the classes are the same")
print(f"probabilities differ by {np.abs(probabilities - expected).max():.0e} at most")

fig, axis = plt.subplots(figsize=(5, 4))
axis.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
axis.scatter(expected.ravel(), probabilities.ravel(), s=12)
axis.set(xlabel="probability in scikit-learn", ylabel="probability in ONNX Runtime")
