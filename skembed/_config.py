"""Settings that belong to a session rather than to an estimator."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

from ._errors import did_you_mean

_MIB = 2**20
_DEFAULTS: dict[str, Any] = {
    "cache_dir": None,
    "cache_size": 5 * 1024 * _MIB,
    "cache_dtype": "float32",
    "trust_stat": True,
    "max_image_pixels": 89_478_485,
    "max_image_bytes": 256 * _MIB,
    "url_timeout": 4.0,
}
_POSITIVE = {"cache_size", "max_image_pixels", "max_image_bytes", "url_timeout"}

_process = dict(_DEFAULTS)
_local = threading.local()


def _current() -> dict[str, Any]:
    """The thread's own settings: changing them in one thread leaves the others alone."""
    if not hasattr(_local, "config"):
        _local.config = dict(_process)
    return _local.config


def get_config() -> dict[str, Any]:
    """Return a copy of the current settings.

    Returns
    -------
    dict
        Every setting and its value; see :func:`set_config` for what each means.

    See Also
    --------
    set_config : Change settings for the session.
    config_context : Change settings inside a ``with`` block.

    Examples
    --------
    >>> import skembed
    >>> skembed.get_config()["url_timeout"]
    4.0
    """
    return dict(_current())


def set_config(**settings: Any) -> None:
    """Change settings for this thread, and for threads that have not read any yet.

    Parameters
    ----------
    **settings
        Any of:

        ``cache_dir`` : str, path or None
            Where embeddings are kept when an estimator says ``cache=True``. None is
            ``SKEMBED_CACHE_DIR`` if set, else the user's cache directory.
        ``cache_size`` : int, bytes, default=5 GiB
            The store's cap; the rows used longest ago go first.
        ``cache_dtype`` : {"float32", "float16"}, default="float32"
            How numbers are kept: float16 halves the space and keeps three digits.
        ``trust_stat`` : bool, default=True
            A file whose path, size, times and inode are all known is not read again. False
            reads and digests every file on every call.
        ``max_image_pixels`` : int, default=89 478 485
            Images of more pixels are refused (decompression bombs). Pillow keeps a limit of
            its own, ``PIL.Image.MAX_IMAGE_PIXELS``: raise both for larger images.
        ``max_image_bytes`` : int, bytes, default=256 MiB
            Files and responses of more bytes are refused.
        ``url_timeout`` : float, seconds, default=4.0
            How long a server may stay silent.

    Raises
    ------
    TypeError
        If a setting does not exist.
    ValueError
        If a value is not allowed.

    Examples
    --------
    >>> import skembed
    >>> skembed.set_config(url_timeout=10.0)
    >>> skembed.get_config()["url_timeout"]
    10.0
    >>> skembed.set_config(url_timeout=4.0)
    """
    _check(settings)
    _current().update(settings)
    _process.update(settings)


@contextlib.contextmanager
def config_context(**settings: Any) -> Iterator[None]:
    """Change settings inside a ``with`` block, in this thread only.

    Parameters
    ----------
    **settings
        As in :func:`set_config`.

    Examples
    --------
    >>> import skembed
    >>> with skembed.config_context(max_image_pixels=10_000):
    ...     skembed.get_config()["max_image_pixels"]
    10000
    """
    _check(settings)
    before = dict(_current())
    _current().update(settings)
    try:
        yield
    finally:
        _local.config = before


def _check(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        if name not in _DEFAULTS:
            raise TypeError(f"skembed has no setting {name!r}. {did_you_mean(name, _DEFAULTS)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in _POSITIVE and not (number and value > 0):
            raise ValueError(f"{name} must be a positive number, got {value!r}.")
        if name == "cache_dir" and not isinstance(value, str | os.PathLike | None):
            raise ValueError(f"cache_dir must be a str, a path or None, got {value!r}.")
        if name == "cache_dtype" and value not in ("float32", "float16"):
            raise ValueError(f"cache_dtype must be 'float32' or 'float16', got {value!r}.")
        if name == "trust_stat" and not isinstance(value, bool):
            raise ValueError(f"trust_stat must be True or False, got {value!r}.")
