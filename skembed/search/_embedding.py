"""The embedder of an index: fitted on its images, written down, and known again.

An embedder is known by what it does: the rows of two pictures that are made by formula. So it is
told apart from every other one, whatever the two are called.
"""

from __future__ import annotations

import enum
import os
from typing import Any

import numpy as np
from sklearn.base import clone

from .._errors import LoadError
from ..estimators.pretrained import PretrainedEmbedder

_HEIGHT, _WIDTH = 96, 64  # of the two pictures; no square, so that every resize changes them
_TOLERANCE = 0.03  # of the norm: engines and devices round differently, networks differ by 1
_PLAIN = (str, int, float, bool, type(None))
# Parameters that belong to a machine or a run, and change no row.
_OF_THE_RUN = {"batch_size", "cache", "n_jobs", "progress", "root"}


def fit_embedder(embedder: Any, X: Any) -> tuple[Any, np.ndarray]:
    """Fit a clone of an embedder on images; return it, and their rows.

    Raises
    ------
    TypeError
        If it is no transformer.
    ValueError
        If unreadable images would become a mean.
    """
    if not hasattr(embedder, "transform") or isinstance(embedder, type):
        raise TypeError(
            "embedder must be a transformer of images, such as PretrainedEmbedder(), or None for "
            f"rows of features; got {embedder!r:.80}."
        )
    if getattr(embedder, "on_error", None) == "mean":
        raise ValueError(
            "on_error='mean' would give unreadable images the neighbours of the mean; "
            "on_error='nan' leaves them out."
        )
    fitted: Any = clone(embedder)
    if hasattr(fitted, "fit_transform"):
        return fitted, _as_rows(fitted.fit_transform(X))
    return fitted, _as_rows(fitted.fit(X).transform(X))


def embed(search: Any, X: Any) -> np.ndarray:
    """Return the rows of images, as the images of the index were embedded.

    Raises
    ------
    ValueError
        If another embedder made the index.
    """
    expected = vars(search).get("_expected")
    if expected is not None:
        check_same(search.embedder_, expected)
        del search._expected
    rows = _as_rows(search.embedder_.transform(X))
    width = search.rows_.shape[1]
    if rows.shape[1] != width:
        raise ValueError(f"The embedder gives {rows.shape[1]} features, the index has {width}.")
    return rows


def fingerprint(embedder: Any) -> np.ndarray:
    """Return the rows of the two pictures: float32 of shape (2, n_features)."""
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    waves = np.stack([x * y // 7 % 256, x * 5 % 256, (x + 2 * y) % 256], axis=-1)
    noise = np.random.default_rng(0).integers(0, 256, (_HEIGHT, _WIDTH, 3))
    return _as_rows(embedder.transform(np.stack([waves, noise]).astype(np.uint8)))


def check_same(embedder: Any, expected: np.ndarray) -> None:
    """Refuse an embedder that gives other rows than are expected.

    Raises
    ------
    ValueError
        Saying how far they are apart.
    """
    got = fingerprint(embedder)
    if got.shape != expected.shape:
        raise ValueError(
            f"Another embedder made this index: it has {expected.shape[1]} features, and "
            f"{embedder!r} gives {got.shape[1]}."
        )
    difference = np.linalg.norm(got - expected) / max(float(np.linalg.norm(expected)), 1e-30)
    if not difference <= _TOLERANCE:
        raise ValueError(
            f"Another embedder made this index: for the same pictures, the rows of {embedder!r} "
            f"differ by {difference:.0%} of their norm. Its network, weights, layers or "
            "preparation are others, and distances would mean nothing."
        )


def described(embedder: Any) -> dict[str, Any] | None:
    """Return what names the embedder in JSON; parameters only where they say all of it."""
    if embedder is None:
        return None
    parameters = None
    if type(embedder) is PretrainedEmbedder:
        usual = PretrainedEmbedder().get_params()
        values = {name: _as_json(value) for name, value in embedder.get_params().items()}
        changed = {
            name: value
            for name, value in values.items()
            if name not in _OF_THE_RUN and value != usual[name]
        }
        parameters = None if _OPAQUE in changed.values() else changed
    return {"class": type(embedder).__name__, "parameters": parameters}


def is_usual(embedder: Any) -> bool:
    """Whether an embedder is the usual one, whatever it does with unreadable images."""
    facts = described(embedder)
    parameters = None if facts is None else facts["parameters"]
    return parameters is not None and set(parameters) <= {"on_error"}


def restored(facts: Any) -> Any:
    """Make the embedder that was written down.

    Raises
    ------
    ValueError
        If it was not written down wholly.
    LoadError
        If the file says something else than :func:`described` writes.
    """
    if not isinstance(facts, dict) or set(facts) != {"class", "parameters"}:
        raise LoadError("it does not say what the embedder is")
    parameters = facts["parameters"]
    if parameters is None:
        raise ValueError(
            f"The index was made by a fitted {facts['class']}, which is not written down: pass it, "
            "load(directory, embedder=...)."
        )
    if not isinstance(parameters, dict) or facts["class"] != PretrainedEmbedder.__name__:
        raise LoadError(f"it names an embedder {facts['class']!r} with {parameters!r:.80}")
    unknown = set(parameters) - (set(PretrainedEmbedder().get_params()) - _OF_THE_RUN)
    if unknown:
        raise LoadError(f"its embedder has unknown parameters: {sorted(unknown)}")
    return PretrainedEmbedder(**parameters)


_OPAQUE = object()  # what JSON cannot say


def _as_json(value: Any) -> Any:
    """A parameter as JSON reads it back, or `_OPAQUE`."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, list | tuple):
        parts = [_as_json(part) for part in value]
        return _OPAQUE if _OPAQUE in parts else parts
    return value if isinstance(value, _PLAIN) else _OPAQUE


def _as_rows(rows: Any) -> np.ndarray:
    if hasattr(rows, "toarray"):
        rows = rows.toarray()
    rows = np.asarray(rows)
    if rows.ndim != 2:
        raise ValueError(
            f"The embedder gives an array of shape {rows.shape}; a row for each image is needed."
        )
    return rows
