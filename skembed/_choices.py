"""What a parameter may be, where that is one of a few names.

The estimators, the command and the magic take the names from here. This module imports nothing, so
that the command refuses a mistyped option without loading scikit-learn or NumPy.
"""

from __future__ import annotations

ACTIVATIONS = ("pre", "post")
ALGORITHMS = ("auto", "exact", "approximate")
DECODINGS = ("exact", "scaled")
FRAMES = ("first", "mean")
LABELLING_STRATEGIES = ("uncertain", "diverse", "random")
LAYER_SCALINGS = ("power", "standard", "ternary", "none")
LAYER_SEARCHES = ("suffix", "fading", "single", "forward", "weighted")
LAYER_SOLVERS = ("ridge", "logistic")
METRICS = ("angular", "cosine", "euclidean")
NORMS = ("l2",)
POOLINGS = ("auto", "avg", "max", "both")
PROJECTIONS = ("pca", "tsne", "umap")
PRECISIONS = ("float32", "bfloat16")
TERNARY_SIGNS = ("present", "absent")
TERNARY_VALUES = ("absent", "neutral", "present")
