"""How good a classifier on embeddings is: cross-validation, baseline, confusions, errors.

The command and the magic show what is found here; nothing here prints, or knows of them.
"""

from ._cross_validation import (
    cross_validate,
    evaluate,
    layers_line,
    make_classifier,
    make_layer_classifier,
)
from ._demo_images import DemoImages, demo_images
from ._evaluation import Evaluation

__all__ = [
    "DemoImages",
    "Evaluation",
    "cross_validate",
    "demo_images",
    "evaluate",
    "layers_line",
    "make_classifier",
    "make_layer_classifier",
]
