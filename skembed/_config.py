"""Settings that belong to a session rather than to an estimator."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from numbers import Real
from typing import Any

from ._errors import did_you_mean, level_of_caller

PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"  # XLA's variable for gpu_preallocate
_MIB = 2**20
_DEFAULTS: dict[str, Any] = {
    "cache_dir": None,
    "cache_size": 5 * 1024 * _MIB,
    "cache_dtype": "float32",
    "trust_stat": True,
    "max_image_pixels": 89_478_485,
    "max_image_bytes": 256 * _MIB,
    "url_timeout": 4.0,
    "allow_private_urls": False,
    "compile_cache": True,
    "gpu_preallocate": None,
}
_POSITIVE = {"cache_size", "max_image_pixels", "max_image_bytes", "url_timeout"}
_ALLOWED: dict[str, tuple[Any, ...]] = {
    "cache_dtype": ("float32", "float16"),
    "trust_stat": (True, False),
    "allow_private_urls": (True, False),
    "compile_cache": (True, False),
    "gpu_preallocate": (True, False, None),
}

_process = dict(_DEFAULTS)
_local = threading.local()
_warned = False


# Scopes tell for how long settings hold: until a block ends, or they are changed.
_numbers = itertools.count()
_scope_of_process = next(_numbers)
_open_scopes = {_scope_of_process}


def _current() -> dict[str, Any]:
    """The thread's own settings: changing them in one thread leaves the others alone."""
    if not hasattr(_local, "config"):
        _local.config = dict(_process)
    return _local.config


def has_own_settings() -> bool:
    """Whether settings may have been changed for this thread, rather than for the process."""
    return getattr(_local, "is_set", False) or (
        threading.current_thread() is threading.main_thread()
    )


def current_scope() -> int:
    """Return the number of the scope in which the settings of this thread hold."""
    return getattr(_local, "scope", _scope_of_process)


def is_open(scope: int) -> bool:
    """Whether the settings still hold of which this was the scope."""
    return scope in _open_scopes


def _new_scope() -> int:
    scope = next(_numbers)
    _open_scopes.add(scope)
    return scope


@contextlib.contextmanager
def lent_settings(settings: dict[str, Any]) -> Iterator[None]:
    """Change settings inside the block; the caller has checked them.

    Afterwards this thread has no more settings of its own than before: a pool's thread works for
    one caller after the other.
    """
    before = vars(_local).copy()
    _local.config = {**_current(), **settings}
    _local.scope = _new_scope()
    try:
        yield
    finally:
        _open_scopes.discard(current_scope())
        vars(_local).clear()
        vars(_local).update(before)


def changed_settings() -> dict[str, Any]:
    """Return the settings that hold here and are not the defaults: what another process lacks."""
    settings = getattr(_local, "config", _process)
    return {name: value for name, value in settings.items() if value != _DEFAULTS[name]}


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
            A file that is known by path, size, times, inode, device and a part of its content
            (all of it up to 64 KiB) is not read again. False reads and digests every file on
            every call.
        ``max_image_pixels`` : int, default=89 478 485
            Images of more pixels are refused (decompression bombs). Pillow keeps a limit of
            its own, ``PIL.Image.MAX_IMAGE_PIXELS``: raise both for larger images.
        ``max_image_bytes`` : int, bytes, default=256 MiB
            Files and responses of more bytes are refused.
        ``url_timeout`` : float, seconds, default=4.0
            How long a server may stay silent. A whole download may take 15 times as long.
        ``allow_private_urls`` : bool, default=False
            Whether images may be fetched from this machine and from private networks
            (``localhost``, ``10.0.0.3``, ``169.254.169.254``), by a URL or by a redirect. Left
            False, a list of URLs from elsewhere reads nothing that only this machine reaches.
            Names are resolved by the proxy where one is configured, and there not checked.
        ``compile_cache`` : bool, default=True
            Whether compiled networks are kept beside the embeddings, so that the next process
            need not compile them. Where JAX has been given a compilation cache of your own
            (``JAX_COMPILATION_CACHE_DIR``), or none (``JAX_ENABLE_COMPILATION_CACHE=false``),
            that stands.
        ``gpu_preallocate`` : bool or None, default=None
            Whether JAX takes three quarters of a GPU's memory at once. None is as
            ``XLA_PYTHON_CLIENT_PREALLOCATE`` says, and no where that says nothing: memory is
            taken as it is needed, and the card shared. Has to be set before JAX is used.

    Raises
    ------
    TypeError
        If a setting does not exist.
    ValueError
        If a value is not allowed.

    Warns
    -----
    RuntimeWarning
        If ``gpu_preallocate`` is set when JAX is already loaded: once in a process.

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
    _local.is_set = True
    _process.update(settings)
    _begin_scopes()


@contextlib.contextmanager
def config_context(**settings: Any) -> Iterator[None]:
    """Change settings inside a ``with`` block, in this thread only.

    Parameters
    ----------
    **settings
        As in :func:`set_config`.

    Raises
    ------
    TypeError
        If a setting does not exist.
    ValueError
        If a value is not allowed.

    See Also
    --------
    set_config : Change settings for the session.
    get_config : What they are.

    Examples
    --------
    >>> import skembed
    >>> with skembed.config_context(max_image_pixels=10_000):
    ...     skembed.get_config()["max_image_pixels"]
    10000
    """
    _check(settings)
    with lent_settings(settings):
        _local.is_set = True
        yield


def _begin_scopes() -> None:
    """End the scopes of this thread and of the process, because their settings have changed."""
    global _scope_of_process  # noqa: PLW0603
    _open_scopes.difference_update({_scope_of_process, current_scope()})
    _scope_of_process = _new_scope()
    if hasattr(_local, "scope"):
        _local.scope = _new_scope()


def _check(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        if name not in _DEFAULTS:
            raise TypeError(f"skembed has no setting {name!r}. {did_you_mean(name, _DEFAULTS)}")
        if name in _POSITIVE and not _is_positive(value):
            raise ValueError(f"{name} must be a positive, finite number, got {value!r}.")
        if name == "cache_dir" and not isinstance(value, str | os.PathLike | None):
            raise ValueError(f"cache_dir must be a str, a path or None, got {value!r}.")
        if name in _ALLOWED and not any(_same(value, known) for known in _ALLOWED[name]):
            raise ValueError(f"{name} must be {_either(_ALLOWED[name])}, got {value!r}.")
    asked = settings.get("gpu_preallocate")
    if asked is not None and asked != _current()["gpu_preallocate"]:
        _warn_if_too_late()


def _is_positive(value: Any) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and 0 < value < math.inf  # type: ignore[operator] - numbers have an order


def _same(value: Any, known: Any) -> bool:
    return isinstance(value, type(known)) and value == known  # 1 is not True


def _either(values: tuple[Any, ...]) -> str:
    *others, last = map(repr, values)
    return f"{', '.join(others)} or {last}"


def _warn_if_too_late() -> None:
    """Say once that a new ``gpu_preallocate`` may come too late for this process."""
    global _warned  # noqa: PLW0603
    if "jax" not in sys.modules or _warned:
        return
    _warned = True
    warnings.warn(
        "JAX is already loaded in this process. If it has run anything, it has also settled how "
        "it uses the GPU's memory, and gpu_preallocate changes nothing here. Call set_config "
        f"right after importing skembed, or set {PREALLOCATE}=true or false before Python starts.",
        RuntimeWarning,
        stacklevel=level_of_caller(),
    )
