"""Keras' legacy ``.h5`` files that hold more layers than the network to be filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..._errors import advice


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
