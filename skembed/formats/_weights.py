"""Which weights a network gets: published ones, random ones, or those of a file."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from .._errors import WeightsError, advice, did_you_mean, parameter
from .._files import file_status

PUBLISHED, RANDOM = "imagenet", "random"
_WHICH = "Or give None, or the path of a weights file."


def known_weights(weights: str | os.PathLike[str] | None) -> tuple[str, str]:
    """Return what a request says of the weights that an estimator was given.

    Parameters
    ----------
    weights : "imagenet", path or None
        None is random.

    Returns
    -------
    source : str
        ``"imagenet"``, ``"random"``, or the absolute path of a file.
    digest : str
        The sha256 of the file; empty for the other two.

    Raises
    ------
    WeightsError
        If there is no such file.

    Examples
    --------
    >>> from skembed.formats._weights import known_weights
    >>> known_weights(None)
    ('random', '')
    """
    if weights is None:
        return RANDOM, ""
    if weights == PUBLISHED:
        return PUBLISHED, ""
    path = Path(weights).expanduser()
    try:
        status = file_status(path)
    except OSError:
        raise WeightsError(
            f"{parameter('weights')} is {str(weights)!r}, which is no file. "
            f"{did_you_mean(weights, [PUBLISHED])}"
            f"{advice(_WHICH, command='Or give the path of a weights file.')}"
        ) from None
    return str(path.resolve()), _digest(path.resolve(), status)


def check_unchanged(weights: str | os.PathLike[str] | None, digest: str) -> None:
    """Refuse a file of weights that is another than it was when a request was made.

    Rows, and layers of one image, are known by the digest.

    Raises
    ------
    WeightsError
        If it has another digest, or is gone.
    """
    if known_weights(weights)[1] != digest:
        raise WeightsError(
            f"The weights file {str(weights)!r} has changed since it was first read."
        )


@functools.lru_cache(maxsize=64)
def _digest(path: Path, _status: tuple[int, ...]) -> str:
    """The sha256 of a file, computed again once its status has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
