"""Weights beside a document: files of HDF5 as Keras 2 wrote them, and which layer takes what.

A file says the names of its layers and tensors, and not what they are connected to. Ours have the
names of a document's layers. In others the names are numbered in the order in which the layers were
made, which is that of the document; only which of a block's two paths came first is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..._errors import WeightsError
from ..._files import written_whole
from ..._text import shortened, size_of_bytes
from ..keras._model_files import check_datasets

SUFFIXES = (".h5", ".hdf5")
_MOST_BYTES = 2**31
_MOST_ATTRIBUTE = 60_000  # HDF5 allows 64 kB; Keras divides longer lists of names
_NUMBERED = re.compile(r"(.*?)(?:_(\d+))?")


@dataclass(frozen=True, eq=False, slots=True)
class StoredLayer:
    """The weights of a layer, as a file names them.

    Parameters
    ----------
    name : str
        Of the layer.
    tensors : dict of str to array
        ``"kernel"``, ``"bias"``, ``"gamma"``, ...
    """

    name: str
    tensors: Mapping[str, np.ndarray]

    @property
    def kind(self) -> str:
        """The class of Keras that has such weights; empty for none that a deepnet has."""
        kernel = self.tensors.get("kernel")
        if "pointwise_kernel" in self.tensors:
            return "SeparableConv2D"
        if "depthwise_kernel" in self.tensors or self.name.startswith("depthwise_"):
            return "DepthwiseConv2D"
        if "moving_variance" in self.tensors:
            return "BatchNormalization"
        return {4: "Conv2D", 2: "Dense"}.get(kernel.ndim, "") if kernel is not None else ""

    def of(self, layer: Any) -> list[np.ndarray] | None:
        """Return the weights in the order in which a layer of Keras has them; None if not these."""
        names = [variable.name for variable in layer.weights]
        if self.kind == "DepthwiseConv2D" and "depthwise_kernel" in self.tensors:
            names = [name.replace("kernel", "depthwise_kernel") for name in names]
        shapes = [tuple(variable.shape) for variable in layer.weights]
        found = [self.tensors.get(name) for name in names]
        if len(found) != len(self.tensors) or any(
            one is None or one.shape != shape for one, shape in zip(found, shapes, strict=True)
        ):
            return None
        return found  # type: ignore[return-value] - none is None

    def __str__(self) -> str:
        shapes = ", ".join(f"{name} {one.shape}" for name, one in self.tensors.items())
        return shortened(f"{self.name!r} with {shapes}", 200)


def by_layer(tensors: Iterable[tuple[str, np.ndarray]]) -> list[StoredLayer]:
    """Return layers for tensors that are named as ``"some/scope/layer/kernel:0"``, in order.

    Raises
    ------
    ValueError
        If two of them have one name.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, values in tensors:
        layer, _, tensor = name.rpartition("/")
        own = found.setdefault(layer.rpartition("/")[2], {})
        if tensor.partition(":")[0] in own:
            raise ValueError(f"two tensors in it are called {shortened(name, 80)!r}.")
        own[tensor.partition(":")[0]] = values
    return [StoredLayer(name, one) for name, one in found.items()]


def read_weights(path: Path) -> list[StoredLayer]:
    """Return the weights in a file of HDF5 that Keras wrote, or :func:`write_weights`.

    Raises
    ------
    WeightsError
        If it is damaged, of another kind, or claims more than it holds.
    """
    import h5py

    if not path.is_file():
        raise WeightsError(f"There is no file of weights at {str(path)!r}.")
    if path.stat().st_size > _MOST_BYTES:
        raise WeightsError(f"{str(path)!r} is larger than {size_of_bytes(_MOST_BYTES)}.")
    try:
        with h5py.File(path) as file:
            check_datasets(file)
            group: Any = file.get("model_weights", file)
            return by_layer(_tensors(group))
    # h5py has errors of many kinds for what is damaged or not there.
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        reason = shortened(str(error).strip().partition("\n")[0])
        raise WeightsError(f"{str(path)!r} holds no weights of Keras: {reason}") from None


def _tensors(group: Any) -> Iterator[tuple[str, np.ndarray]]:
    layers = _names(group, "layer_names")
    if not layers:
        raise ValueError("it does not say the names of its layers.")
    for layer in layers:
        for name in _names(group[layer], "weight_names"):
            values = np.asarray(group[layer][name])
            if values.dtype.kind != "f" or not np.isfinite(values).all():
                raise ValueError(f"{name} in it is not made of finite numbers.")
            full = name if "/" in name else f"{layer}/{name}"
            yield full, values.astype(np.float32)


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names, which Keras divides where it is long."""
    parts = [group.attrs[attribute]] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{attribute}{len(parts)}"])
    return [
        one.decode() if isinstance(one, bytes) else str(one) for part in parts for one in part
    ]


def write_weights(model: Any, path: Path) -> None:
    """Write a model's weights as Keras 2 did, which every Keras since reads.

    Parameters
    ----------
    model : keras.Model
        Its layers tell the order.
    path : Path
        Of the file; it is there when it is whole.
    """
    import h5py

    with written_whole(path) as (unfinished,), h5py.File(unfinished, "w") as file:
        file.attrs["backend"], file.attrs["keras_version"] = b"jax", b"2.0.0"
        _put(file, "layer_names", [layer.name for layer in model.layers])
        for layer in model.layers:
            group = file.create_group(layer.name)
            variables = layer.trainable_weights + layer.non_trainable_weights
            _put(group, "weight_names", [variable.path for variable in variables])
            for variable in variables:
                group.create_dataset(variable.path, data=np.asarray(variable.value))


def _put(group: Any, attribute: str, names: list[str]) -> None:
    encoded = np.array([name.encode() for name in names], np.bytes_)
    n_parts = 1 + encoded.nbytes // _MOST_ATTRIBUTE
    if n_parts == 1:
        group.attrs[attribute] = encoded
        return
    for i, part in enumerate(np.array_split(encoded, n_parts)):
        group.attrs[f"{attribute}{i}"] = part


def fill(
    model: Any,
    stored: Sequence[StoredLayer],
    orders: Iterable[Sequence[str]],
    source: str,
    *,
    is_part: bool = False,
    whole: Any = None,
) -> None:
    """Put stored weights into the layers of a model: into every one, or an error.

    Parameters
    ----------
    model : keras.Model
        Its layers have the names that a document's have.
    stored : sequence of StoredLayer
        A file's.
    orders : iterable of sequence of str
        The orders in which the layers may have been made, where the file has other names.
    source : str
        How messages call the file.
    is_part : bool, default=False
        Whether the file may hold more layers than the model has, as that of a whole network does
        for a model without its head.
    whole : keras.Model, optional
        The model of which this is a part, with its layers: those that the orders name.

    Raises
    ------
    WeightsError
        If a weight has no place or a layer no weights, or more than one way fits.
    """
    layers = {layer.name: layer for layer in _weighted(model)}
    named = {one.name: one for one in stored}
    if len(stored) > len(layers) and not is_part:
        raise WeightsError(
            f"The weights in {source} do not fit: it has weights for {len(stored)} layers, and "
            f"{len(layers)} take some."
        )
    if layers.keys() <= named.keys():
        pairs = [(layer, named[name]) for name, layer in layers.items()]
        _set(pairs, source)
        return
    layers = {layer.name: layer for layer in _weighted(model if whole is None else whole)}
    ways = [_pairs(layers, stored, order) for order in orders]
    fitting = [way for way in ways if isinstance(way, list)]
    if not fitting:
        raise WeightsError(f"The weights in {source} do not fit: {ways[0]}.")
    if len({tuple(one.name for _, one in way) for way in fitting}) > 1:
        raise WeightsError(
            f"The weights in {source} fit the layers in more than one way, and their names do not "
            "tell in which. Write them with skembed.bigml.convert, which names the layers."
        )
    _set(fitting[0], source)


def _weighted(model: Any) -> Iterator[Any]:
    """The layers that have weights, those of models inside it included."""
    for layer in model.layers:
        if getattr(layer, "layers", None):
            yield from _weighted(layer)
        elif layer.weights:
            yield layer


def _pairs(
    layers: Mapping[str, Any], stored: Sequence[StoredLayer], order: Sequence[str]
) -> list[tuple[Any, StoredLayer]] | str:
    """Which layer takes which weights, kind by kind in the order given, or what does not fit."""
    places = {name: i for i, name in enumerate(order)}
    ours = sorted(layers.values(), key=lambda layer: places[_entry(layer.name)])
    pairs = []
    for kind in sorted({type(layer).__name__ for layer in ours}):
        takers = [layer for layer in ours if type(layer).__name__ == kind]
        givers = _as_made([one for one in stored if one.kind == kind])
        if len(takers) != len(givers):
            return f"{len(takers)} layers are {kind}, and it has weights for {len(givers)}"
        for layer, one in zip(takers, givers, strict=True):
            if one.of(layer) is None:
                shapes = [tuple(variable.shape) for variable in layer.weights]
                return f"the layer {layer.name!r} has weights of shapes {shapes}, got {one}"
            pairs.append((layer, one))
    return sorted(pairs, key=lambda pair: pair[0].name)


def _entry(name: str) -> str:
    """The name of the document's entry that a layer was made of: the first ones became several."""
    return name.removesuffix("_normalization").removesuffix("_residual")


def _as_made(stored: list[StoredLayer]) -> list[StoredLayer]:
    """Sorted by the numbers that Keras gives in the order of making, where the names have them."""
    parts = [_NUMBERED.fullmatch(one.name) for one in stored]
    if len({part[1] for part in parts if part}) != 1:
        return stored
    numbers = [int(part[2] or 0) for part in parts if part]
    return [stored[i] for i in np.argsort(numbers, kind="stable")]


def _set(pairs: list[tuple[Any, StoredLayer]], source: str) -> None:
    values = [(layer, one.of(layer)) for layer, one in pairs]
    for (layer, found), (_, one) in zip(values, pairs, strict=True):
        if found is None:
            shapes = [tuple(variable.shape) for variable in layer.weights]
            raise WeightsError(
                f"The weights in {source} do not fit: the layer {layer.name!r} has weights of "
                f"shapes {shapes}, got {one}."
            )
    for layer, found in values:
        layer.set_weights(found)
