"""Weights for a network: from a file that the user names, or random ones."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..._errors import WeightsError, advice
from ..._keras import import_keras
from ...backbones._backbone import Backbone
from ._graph import is_symbolic

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


def filled_by_name(model: Any, path: Path) -> bool:
    """Fill `model` by the names of its layers, if the file has other layers beside all of these.

    Keras fills from such a file in the order of the layers, and so refuses one of a network that
    was given another head.

    Parameters
    ----------
    model : keras.Model
        The network without its classifier, or with it.
    path : Path
        An existing file.

    Returns
    -------
    bool
        Whether every weight of the model has been filled.

    Raises
    ------
    ValueError
        If a layer of that name has weights of other shapes.
    """
    stored = _stored_layers(path)
    wanted = {layer.name: len(layer.weights) for layer in model.layers if layer.weights}
    if stored.keys() <= wanted.keys() or any(stored.get(k) != n for k, n in wanted.items()):
        return False
    model.load_weights(path, by_name=True)
    return True


def whole_model_hint(path: Path) -> str:
    """What to do with a file that holds a network as well; empty for any other."""
    import h5py

    if not h5py.is_hdf5(path):
        return ""
    with h5py.File(path) as file:
        if "model_config" not in file.attrs:
            return ""
    hint = advice("To run it as it is, give {backbone}.", backbone=str(path))
    return f" The file holds a whole model.{hint}"


def _stored_layers(path: Path) -> dict[str, int]:
    """How many weights a legacy file has for each layer; none for files of another format."""
    import h5py

    if not h5py.is_hdf5(path):
        return {}
    with h5py.File(path) as file:
        group: Any = file.get("model_weights", file)
        layers = [_text(name) for name in group.attrs.get("layer_names", ())]
        counts = {layer: len(group[layer].attrs.get("weight_names", ())) for layer in layers}
    return {layer: n for layer, n in counts.items() if n}


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def randomise(model: Any, seed_text: str) -> None:
    """Redraw every kernel of `model` (He normal), and leave the rest as it was built.

    What a layer initialises to a constant (biases, scales, moving means) is already the same
    everywhere. Each kernel has a generator of its own, named by `seed_text`, its layer and its
    place there: a network with and without its classifier shares its features, and neither
    NumPy's nor Keras' global state is read or changed.

    Parameters
    ----------
    model : keras.Model
        Changed in place. Its layers' names must not depend on what was built before it.
    seed_text : str
        Equal texts give equal weights; the backbone's name.
    """
    for layer in [] if is_symbolic() else model.layers:
        for i, variable in enumerate(layer.weights):
            if "kernel" in variable.name:
                variable.assign(_he_normal(variable.shape, f"{seed_text}/{layer.name}/{i}"))


def _he_normal(shape: tuple[int, ...], seed_text: str) -> np.ndarray:
    """He et al. 2015, "Delving Deep into Rectifiers": variance 2 / fan in.

    The last axis counts outputs; in a depthwise kernel it is the multiplier, 1, and each
    output sees one channel only.
    """
    depthwise = len(shape) == 4 and shape[-1] == 1
    fan_in = math.prod(shape[:2]) if depthwise else math.prod(shape[:-1])
    seed = int.from_bytes(hashlib.sha256(seed_text.encode()).digest()[:16], "little")
    draws = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)
    draws *= np.float32(math.sqrt(2.0 / fan_in))
    return draws
