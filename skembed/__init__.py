"""Image embeddings from pretrained convolutional networks, for scikit-learn."""

from . import backbones, extraction, images, layers
from ._config import config_context, get_config, set_config
from ._devices import show_devices
from ._discretizer import Discretizer
from ._errors import BackendError, ImageError, StoreWarning, WeightsError
from ._full_network import FullNetworkEmbedder
from ._full_network_function import full_network_embedding
from ._keras import choose_backend
from ._pretrained import PretrainedEmbedder
from ._row_space import RowSpaceProjector
from ._ten_crop import TenCropClassifier
from ._ternary_scaler import TernaryScaler
from ._vectors import cosine_similarity
from ._version import __version__
from .extraction.store import cache_clear, cache_info

choose_backend()
del choose_backend

__all__ = [
    "BackendError",
    "Discretizer",
    "FullNetworkEmbedder",
    "ImageError",
    "PretrainedEmbedder",
    "RowSpaceProjector",
    "StoreWarning",
    "TenCropClassifier",
    "TernaryScaler",
    "WeightsError",
    "__version__",
    "backbones",
    "cache_clear",
    "cache_info",
    "config_context",
    "cosine_similarity",
    "extraction",
    "full_network_embedding",
    "get_config",
    "images",
    "layers",
    "set_config",
    "show_devices",
]


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
