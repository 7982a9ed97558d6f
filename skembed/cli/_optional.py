"""The one place that asks whether the libraries of the extras are here."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from .._installation import install_command
from ._errors import CommandError


def require_skops() -> None:
    """See to it that pipelines can be written and read."""
    _import("skops.io", "skops", "saving and loading a pipeline")


def require_pyarrow(purpose: str = "writing") -> None:
    """See to it that pandas can read and write Parquet."""
    _import("pyarrow", "pyarrow", f"{purpose} Parquet")


def require_engine(engine: str) -> None:
    """See to it that the engine that is asked for can run."""
    if engine == "openvino":
        from ..engines.openvino._runtime import import_openvino

        try:
            import_openvino()
        except ImportError as error:
            raise CommandError(str(error)) from error


def scikit_image_data() -> Path:
    """Return the folder of the pictures that scikit-image's own wheel carries.

    The pictures are read as files: ``skimage.data`` would look elsewhere first, and download
    those it does not find.
    """
    found = importlib.util.find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        raise CommandError(_missing("scikit-image", "the demo's own pictures"))
    return Path(found.submodule_search_locations[0], "data")


def _import(module: str, distribution: str, purpose: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CommandError(_missing(distribution, purpose)) from error


def _missing(distribution: str, purpose: str) -> str:
    return f"{distribution} is needed for {purpose}: {install_command('demo')}"
