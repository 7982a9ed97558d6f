"""Image embeddings from pretrained convolutional networks, for scikit-learn."""

from . import backbones, images, layers
from ._config import config_context, get_config, set_config
from ._devices import show_devices
from ._errors import BackendError, ImageError, StoreWarning, WeightsError
from ._pretrained import PretrainedEmbedder
from ._vectors import cosine_similarity
from ._version import __version__
from .extraction.store import cache_clear, cache_info

__all__ = [
    "BackendError",
    "ImageError",
    "PretrainedEmbedder",
    "StoreWarning",
    "WeightsError",
    "__version__",
    "backbones",
    "cache_clear",
    "cache_info",
    "config_context",
    "cosine_similarity",
    "get_config",
    "images",
    "layers",
    "set_config",
    "show_devices",
]
