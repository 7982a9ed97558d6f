"""Former names of modules, so that pickles and saved pipelines from before a move still load.

A file names a class by its module. When you move an estimator, add a line here, and add its former
name to the types that :func:`skembed.load` trusts.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

_MOVED = {
    "skembed._discretizer": "skembed.estimators.discretizer",
    "skembed._full_network": "skembed.estimators.full_network",
    "skembed._pretrained": "skembed.estimators.pretrained",
    "skembed._row_space": "skembed.estimators.row_space",
    "skembed._ten_crop": "skembed.estimators.ten_crop",
    "skembed._ternary_scaler": "skembed.estimators.ternary_scaler",
    "skembed.backbones._pickled_models": "skembed.formats.keras._format",
    "skembed.backbones._spec": "skembed.backbones._backbone",
}


class _FormerModules:
    """An import finder for former names: it gives the module that has taken the place."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, _FormerModules) if name in _MOVED else None  # type: ignore[arg-type] - it has both methods of a loader

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        """Leave it to Python to make an empty module."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        names = vars(importlib.import_module(_MOVED[module.__name__]))
        vars(module).update(
            (name, value) for name, value in names.items() if not name.startswith("__")
        )


def serve_former_names() -> None:
    """Let Python find modules under former names; nothing is imported until one is asked for."""
    if _FormerModules not in sys.meta_path:
        sys.meta_path.append(_FormerModules)
