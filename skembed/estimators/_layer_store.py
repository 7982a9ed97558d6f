"""Gram matrices of layers in a bounded folder beside the store, by the digests of their rows."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..store import ArtifactFolder
from ._layer_columns import LayerColumns

_MAX_BYTES = 2 * 1024**3
# A fit whose matrices are larger would push out those of all others.
_MAX_SHARE = 0.25
# Multiplications that take less time than a file.
_WORTH_A_FILE = 10**9
_VERSION = 1
GRAMS = ArtifactFolder("layer-kernels", max_bytes=_MAX_BYTES)


def kept_grams(
    X: np.ndarray, columns: LayerColumns, scaling: str, compute: Callable[[], np.ndarray]
) -> np.ndarray:
    """Return the Gram matrices of rows: those that are kept, or computed and kept.

    Matrices that were kept for more rows serve too: a fold, or another draw, of images that were
    all fitted once needs no product.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        The rows.
    columns : LayerColumns
        Their layers.
    scaling : str
        How they are scaled; each row by itself.
    compute : callable
        Returns the matrices, float32 of shape (n_layers, n_samples, n_samples).
    """
    n = len(X)
    n_bytes = 4 * len(columns) * n * n
    if n * n * X.shape[1] < _WORTH_A_FILE or n_bytes > _MAX_SHARE * GRAMS.max_bytes:
        return compute()
    space, keys = _space(X, columns, scaling), _keys(X)
    with contextlib.suppress(OSError):
        if (found := _look_up(space, keys, len(columns))) is not None:
            return found
    grams = compute()
    with contextlib.suppress(OSError):  # a full disk, or a folder that is not private
        _write(space, keys, grams)
    return grams


def _space(X: np.ndarray, columns: LayerColumns, scaling: str) -> str:
    """A digest of all that says what the matrices of the same rows are."""
    layout = [(one.start, one.stop) for one in columns.columns]
    said = repr((_VERSION, scaling, X.dtype.str, X.shape[1], layout))
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def _keys(X: np.ndarray) -> np.ndarray:
    """A digest of each row, of shape (n_samples,)."""
    digests = [
        hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest() for row in X
    ]
    return np.array(digests, dtype="V16")


def _look_up(space: str, keys: np.ndarray, n_layers: int) -> np.ndarray | None:
    for artifact in GRAMS.artifacts():
        if artifact.name.startswith(space):
            found = _read(artifact, keys, n_layers)
            if found is not None:
                GRAMS.mark_used(artifact)
                return found
    return None


def _read(artifact: Path, keys: np.ndarray, n_layers: int) -> np.ndarray | None:
    """The matrices of these rows; None where it does not hold all of them."""
    try:
        known = np.load(artifact / "rows.npy", allow_pickle=False)
        place = {key.tobytes(): i for i, key in enumerate(known)}
        at = [place.get(key.tobytes(), -1) for key in keys]
        if -1 in at:
            return None
        grams = np.load(artifact / "grams.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # damaged, or another process deletes it just now
        return None
    if grams.shape != (n_layers, len(known), len(known)) or grams.dtype != np.float32:
        return None
    found = np.empty((n_layers, len(at), len(at)), np.float32)
    for i in range(n_layers):
        found[i] = grams[i][np.ix_(at, at)]
    return found if np.isfinite(found).all() else None


def _write(space: str, keys: np.ndarray, grams: np.ndarray) -> None:
    rows = hashlib.blake2b(keys.tobytes(), digest_size=16).hexdigest()
    with GRAMS.scratch() as scratch:
        artifact = scratch / f"{space}-{rows}"
        artifact.mkdir()
        np.save(artifact / "rows.npy", keys, allow_pickle=False)
        np.save(artifact / "grams.npy", grams, allow_pickle=False)
        GRAMS.add([artifact])
