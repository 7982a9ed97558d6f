"""Image embeddings from pretrained convolutional networks, for scikit-learn."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._former_names import serve_former_names
from ._keras import choose_backend
from ._version import __version__

if TYPE_CHECKING:
    from . import (
        backbones,
        bigml,
        engines,
        exporting,
        extraction,
        formats,
        images,
        inspection,
        layers,
        tflite,
        widgets,
    )
    from ._config import config_context, get_config, set_config
    from ._errors import BackendError, ImageError, LoadError, StoreWarning, WeightsError
    from ._jax import show_devices
    from ._saving import load, save
    from .distributed import read_embeddings
    from .estimators._embedding_files import load_embedding, save_embedding
    from .estimators._full_network_function import full_network_embedding
    from .estimators._vectors import cosine_similarity
    from .estimators.discretizer import Discretizer
    from .estimators.full_network import FullNetworkEmbedder
    from .estimators.layer_kernel_classifier import LayerKernelClassifierCV
    from .estimators.layer_kernel_regressor import LayerKernelRegressorCV
    from .estimators.layer_selector import LayerSelector
    from .estimators.pretrained import PretrainedEmbedder
    from .estimators.prototypes import PrototypeEmbedder
    from .estimators.row_space import RowSpaceProjector
    from .estimators.ten_crop import TenCropClassifier
    from .estimators.ternary_scaler import TernaryScaler
    from .exporting import export
    from .search.duplicates import near_duplicates
    from .search.image_search import ImageSearch
    from .store import cache_clear, cache_info

choose_backend()
serve_former_names()
del choose_backend, serve_former_names

__all__ = [
    "BackendError",
    "Discretizer",
    "FullNetworkEmbedder",
    "ImageError",
    "ImageSearch",
    "LayerKernelClassifierCV",
    "LayerKernelRegressorCV",
    "LayerSelector",
    "LoadError",
    "PretrainedEmbedder",
    "PrototypeEmbedder",
    "RowSpaceProjector",
    "StoreWarning",
    "TenCropClassifier",
    "TernaryScaler",
    "WeightsError",
    "__version__",
    "backbones",
    "bigml",
    "cache_clear",
    "cache_info",
    "config_context",
    "cosine_similarity",
    "engines",
    "export",
    "exporting",
    "extraction",
    "formats",
    "full_network_embedding",
    "get_config",
    "images",
    "inspection",
    "layers",
    "load",
    "load_embedding",
    "near_duplicates",
    "read_embeddings",
    "save",
    "save_embedding",
    "set_config",
    "show_devices",
    "tflite",
    "widgets",
]

# Names are imported when they are first used. scikit-learn takes more than a second to load, and
# the command has to tell its version, its help and a mistyped option sooner than that.
_MODULES = {
    "_config": ("config_context", "get_config", "set_config"),
    "_errors": ("BackendError", "ImageError", "LoadError", "StoreWarning", "WeightsError"),
    "_jax": ("show_devices",),
    "_saving": ("load", "save"),
    "distributed": ("read_embeddings",),
    "estimators._embedding_files": ("load_embedding", "save_embedding"),
    "estimators._full_network_function": ("full_network_embedding",),
    "estimators._vectors": ("cosine_similarity",),
    "estimators.discretizer": ("Discretizer",),
    "estimators.full_network": ("FullNetworkEmbedder",),
    "estimators.layer_kernel_classifier": ("LayerKernelClassifierCV",),
    "estimators.layer_kernel_regressor": ("LayerKernelRegressorCV",),
    "estimators.layer_selector": ("LayerSelector",),
    "estimators.pretrained": ("PretrainedEmbedder",),
    "estimators.prototypes": ("PrototypeEmbedder",),
    "estimators.row_space": ("RowSpaceProjector",),
    "estimators.ten_crop": ("TenCropClassifier",),
    "estimators.ternary_scaler": ("TernaryScaler",),
    "exporting": ("export",),
    "search.duplicates": ("near_duplicates",),
    "search.image_search": ("ImageSearch",),
    "store": ("cache_clear", "cache_info"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
_SUBPACKAGES = (
    "backbones",
    "bigml",
    "engines",
    "exporting",
    "extraction",
    "formats",
    "images",
    "inspection",
    "layers",
    "tflite",
    "widgets",
)


if not TYPE_CHECKING:  # which would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name in _SUBPACKAGES:
            return importlib.import_module(f".{name}", __name__)
        if name in _MODULE_OF:
            module = importlib.import_module(f".{_MODULE_OF[name]}", __name__)
            return globals().setdefault(name, getattr(module, name))
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell):
    """``%load_ext skembed``: register the magic ``%embed``.

    Parameters
    ----------
    shell : InteractiveShell
        IPython's.

    Raises
    ------
    ImportError
        If IPython is not installed.
    """
    from .notebook import load

    load(shell)


def unload_ipython_extension(shell):
    """``%unload_ext skembed``: take the magic away.

    Parameters
    ----------
    shell : InteractiveShell
        IPython's.
    """
    from .notebook import unload

    unload(shell)
