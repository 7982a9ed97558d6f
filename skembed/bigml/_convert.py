"""Deepnets written in other formats."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .._errors import did_you_mean
from ..formats.bigml._stored_weights import SUFFIXES as WEIGHTS
from ..formats.bigml._stored_weights import write_weights
from ._create import create_model
from ._model import Deepnet, FeatureExtractor
from ._settings import Settings, settings_of

Model = Deepnet | FeatureExtractor


def convert(
    model: Any,
    settings: Settings | Mapping[str, Any] | None,
    path: str | os.PathLike[str],
    to_format: str,
) -> Path:
    """Write a deepnet in another format.

    Parameters
    ----------
    model : Deepnet, FeatureExtractor, dict, str or path
        What :func:`create_model` made, or what it takes.
    settings : dict, Settings or None
        As for :func:`create_model`. None stands for those that the model has.
    path : str or path
        What is written, whole or not at all. The format's suffix is added where it is missing.
    to_format : {"h5"}
        ``"h5"``: the weights alone, as Keras 2 wrote them and every Keras reads them;
        ``create_model(document, weights=path)`` takes them back.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    ValueError
        If there is no such format, the path has the suffix of another, or the deepnet or a setting
        is wrong.

    See Also
    --------
    create_model : Which reads ``.h5`` files beside a document, and ``.smbundle`` files.
    extract_bundle : The files in a bundle.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skembed import bigml
    >>> spec = {
    ...     "preprocess": [{"type": "numeric", "index": 0, "mean": 0.0, "stdev": 1.0}],
    ...     "layers": [{"type": "dense", "weights": [[2.0]], "offset": [1.0]}],
    ...     "output_exposition": {"type": "numeric", "mean": 0.0, "stdev": 1.0},
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = bigml.convert(spec, None, pathlib.Path(folder, "weights"), "h5")
    ...     spec["layers"][0] |= {"weights": "zeros", "offset": "zeros", "number_of_nodes": 1}
    ...     bigml.create_model(spec, weights=file)([3])
    array([[7.]], dtype=float32)
    """
    if to_format not in _FORMATS:
        raise ValueError(f"to_format is {to_format!r}. {did_you_mean(to_format, _FORMATS)}")
    suffix, write = _FORMATS[to_format]
    target = _with_suffix(Path(path).expanduser(), suffix)
    write(_built(model, settings), target)
    return target


def _built(model: Any, settings: Settings | Mapping[str, Any] | None) -> Model:
    if not isinstance(model, Model):
        return create_model(model, settings)
    if settings is not None and settings_of(settings) != model.settings:
        return model.with_settings(settings_of(settings))
    return model


def _with_suffix(path: Path, suffix: str) -> Path:
    if not path.suffix:
        return path.with_name(path.name + suffix)
    if path.suffix.lower() != suffix:
        raise ValueError(f"The file must end in {suffix!r}, got {path.name!r}.")
    return path


def _write_h5(model: Model, path: Path) -> None:
    if Path(path.stem).suffix.lower() == ".weights":
        raise ValueError(
            f"Keras reads {path.name!r} as a format of its own: leave out .weights."
        )
    write_weights(model.network, path)


_FORMATS: Mapping[str, tuple[str, Callable[[Model, Path], None]]] = {
    "h5": (WEIGHTS[0], _write_h5)
}
