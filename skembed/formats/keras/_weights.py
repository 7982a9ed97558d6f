"""Fill a network from a weights file that the user names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..._errors import WeightsError
from ..._keras import import_keras
from ...backbones._spec import Backbone
from ._legacy_weights import filled_by_name, whole_model_hint

SUFFIXES = (".weights.h5", ".h5", ".hdf5")


def network_from_file(
    network: Callable[[bool], Any], backbone: Backbone, weights: str | Path, top: bool
) -> Any:
    """Return ``network(top)`` filled from a file with the classifier or, unless `top`, without.

    Parameters
    ----------
    network : callable
        Builds the network with its classifier or without.
    backbone : Backbone
        Names the layer to cut at.
    weights : path
        A weights file.
    top : bool
        Whether the classifier is wanted.
    """
    model = network(top)
    try:
        load_weights(model, weights, backbone.name)
    except WeightsError as misfit:
        if top or not Path(weights).expanduser().is_file():
            raise
        try:
            model = network(True)
            load_weights(model, weights, backbone.name)
        except (ValueError, WeightsError):
            raise misfit from misfit.__cause__
        features = model.get_layer(backbone.features).output
        return import_keras().Model(model.input, features, name=backbone.name)
    return model


def load_weights(model: Any, path: str | Path, name: str) -> None:
    """Load `path` into `model`; every variable is filled, or a WeightsError says why not.

    Neither format holds code: ``.weights.h5`` is Keras 3's own, ``.h5`` its legacy one.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise WeightsError(f"The weights file {str(path)!r} for {name!r} does not exist.")
    if not path.name.endswith(SUFFIXES):
        raise WeightsError(
            f"{str(path)!r} is not a weights file: its name ends in none of {SUFFIXES}."
        )
    try:
        if not filled_by_name(model, path):
            model.load_weights(path)
    # Keras reports a mismatch as any of these, h5py a damaged file as OSError.
    except (ValueError, KeyError, IndexError, AttributeError, OSError, TypeError) as error:
        reason = str(error).strip().split("\n")[0][:300]
        raise WeightsError(
            f"The weights in {str(path)!r} do not fit {name!r}: {reason}{whole_model_hint(path)}"
        ) from error
