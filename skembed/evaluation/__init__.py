"""How good a classifier on embeddings is: cross-validation, baseline, confusions, errors.

The command and the magic show what is found here; nothing here prints, or knows of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._classifiers import layers_line, make_classifier, make_layer_classifier
    from ._cross_validation import cross_validate, evaluate
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

# Names are imported when they are first used: the demo tells how many images there are before
# scikit-learn, which takes more than a second, is loaded.
_MODULE_OF = {
    **dict.fromkeys(
        ("layers_line", "make_classifier", "make_layer_classifier"), "_classifiers"
    ),
    **dict.fromkeys(("cross_validate", "evaluate"), "_cross_validation"),
    **dict.fromkeys(("DemoImages", "demo_images"), "_demo_images"),
    "Evaluation": "_evaluation",
}


if not TYPE_CHECKING:  # which would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        module = importlib.import_module(f".{_MODULE_OF[name]}", __name__)
        return globals().setdefault(name, getattr(module, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
