"""A network that computes the layers that are asked for, and no others."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from .._jax import start_jax
from ..backbones._backbone import Backbone
from ..backbones._formats import format_of
from ..backbones._registry import resolve
from ..formats._layer_access import LayerFunction
from ..formats._network import needs_classifier
from ..formats._pixels import network_input
from ..formats._weights import check_unchanged, known_weights
from ..images import Limits, read
from ._graph import IMAGE, SOURCE, LayerGraph, LayerSpec, graph_of
from ._state import State


class DependencyError(RuntimeError):
    """A layer cannot be computed, because nothing computes something that it depends on.

    Examples
    --------
    >>> from skembed import layers
    >>> try:
    ...     layers.build_layer("hmax", "C2", "cat.jpg")  # whose prototypes are yours
    ... except layers.DependencyError as error:
    ...     print("prototypes" in str(error))
    True
    """


class LayerModel:
    """A network, and functions of one's own, that compute layers of one image.

    Parameters
    ----------
    backbone : str, path, keras.Model or Backbone, default="efficientnet_lite0"
        As an estimator takes it.
    weights : "imagenet", path or None, default="imagenet"
        As an estimator takes them.

    Attributes
    ----------
    backbone : Backbone
        The network.
    graph : LayerGraph
        Its layers, and those that were registered.

    See Also
    --------
    build_layer : The same by a function.

    Examples
    --------
    A layer of one's own, which is kept in the state like any other:

    >>> from skimage import data
    >>> from PIL import Image
    >>> from skembed import layers
    >>> model = layers.LayerModel("efficientnet_lite0")
    >>> stem = model.graph.from_name("stem_activation")
    >>> brightest = layers.LayerSpec("brightest", "brightest", [stem])
    >>> model.register(brightest, lambda maps: maps.max(axis=(0, 1)))
    >>> state = model.build_layer("brightest", Image.fromarray(data.coffee()))
    >>> list(state), state["brightest"].shape
    (['s', 'i', 'stem_conv', 'stem_bn', 'stem_activation', 'brightest'], (32,))
    """

    def __init__(
        self,
        backbone: Any = "efficientnet_lite0",
        *,
        weights: str | os.PathLike[str] | None = "imagenet",
    ):
        self.backbone: Backbone = resolve(backbone)
        self.graph: LayerGraph = graph_of(self.backbone)
        source, digest = known_weights(weights)
        self._weights = (None if weights is None else source, digest)
        self._functions: dict[LayerSpec, Callable[..., Any]] = {}
        self._access = format_of(self.backbone).layer_access(self.backbone)
        self._learnt = {self.graph.from_name(name) for name, _ in self._access.learnt()}

    def __repr__(self) -> str:
        return f"<LayerModel of {self.backbone.name!r}>"

    def register(self, node: LayerSpec, function: Callable[..., Any]) -> None:
        """Compute a layer by a function of one's own.

        Parameters
        ----------
        node : LayerSpec
            A new layer, or one of the network's, which is replaced.
        function : callable
            It takes what each of ``node.depends`` gives, in their order.

        Raises
        ------
        ValueError
            If the function takes more or fewer arguments, or `node` depends on a layer that there
            is not.
        """
        depends = node.depends or ()
        for before in depends:
            self.graph.from_id(before.id_)
        if not _takes(function, len(depends)):
            raise ValueError(
                f"The function of {node.name!r} must take {len(depends)} arguments, one for each "
                f"layer that it depends on; its signature is {inspect.signature(function)}."
            )
        self.graph = self.graph.extended(node)
        self._functions[node] = function

    def make_state(self, source: Any, *, copy: bool = False) -> State:
        """Return what is known of an image before a layer is computed.

        Parameters
        ----------
        source : State, path, URL, bytes, PIL image or array
            As for :func:`make_state`.
        copy : bool, default=False
            Whether a State is copied, with the same arrays.

        Returns
        -------
        State
            With its source or its image.
        """
        if isinstance(source, State):
            if source.backbone != self.backbone:
                raise ValueError(
                    f"The state is one of {source.backbone.name!r}, and the model is "
                    f"{self.backbone.name!r}."
                )
            return State(self.backbone, self.graph, source.data) if copy else source
        if isinstance(source, np.ndarray):
            return self._state({IMAGE: self._checked(source)})
        if isinstance(source, Image.Image):
            return self._state({SOURCE: source, IMAGE: self._image(source)})
        return self._state({SOURCE: source})

    def build_layer(
        self,
        layer: str | LayerSpec | Iterable[str | LayerSpec],
        source: Any,
        *,
        save_all: bool = True,
    ) -> State:
        """Return a state that holds some layers.

        Parameters
        ----------
        layer : str, LayerSpec or iterable of these
            What to compute.
        source : State, path, URL, bytes, PIL image or array
            As for :func:`make_state`. A state is not changed.
        save_all : bool, default=True
            Whether the layers in between are kept too.

        Returns
        -------
        State
            What `source` held, and the layers; with ``save_all=False`` the layers and the source.

        Raises
        ------
        ValueError
            If there is no such layer, or the state lacks its source.
        ImageError
            If the image cannot be read.
        DependencyError
            If nothing computes a layer.
        """
        several = not isinstance(layer, str | LayerSpec)
        asked = [self._known(one) for one in (layer if several else [layer])]
        state = State(self.backbone, self.graph, self.make_state(source).data)
        self._build(asked, state, save_all=save_all)
        if save_all:
            return state
        kept = [SOURCE] if SOURCE in state else []
        return self._state({one: state[one] for one in [*kept, *asked]})

    def layer_function(
        self, given: Iterable[LayerSpec], asked: Sequence[LayerSpec]
    ) -> LayerFunction:
        """Return the part of the network that computes layers from others.

        Parameters
        ----------
        given : iterable of LayerSpec
            What is known.
        asked : sequence of LayerSpec
            What is to be computed.

        Returns
        -------
        LayerFunction
            JAX traces its `run`.
        """
        names = frozenset(one.name for one in given if one not in (SOURCE, IMAGE))
        return _function(
            self.backbone, *self._weights, names, tuple(one.name for one in asked)
        )[0]

    def _state(self, values: dict[LayerSpec, Any]) -> State:
        return State(self.backbone, self.graph, values)

    def _known(self, layer: str | LayerSpec) -> LayerSpec:
        if isinstance(layer, LayerSpec):
            return self.graph.from_id(layer.id_)
        try:
            return self.graph.from_name(layer)
        except ValueError:
            return self.graph.from_id(layer)

    def _build(self, asked: Iterable[LayerSpec], state: State, *, save_all: bool) -> None:
        """Put layers into a state, and what they depend on."""
        missing = [one for one in dict.fromkeys(asked) if one not in state]
        network = [one for one in missing if one not in self._functions]
        self._check_functions(network)
        if network:
            self._build(self._own_below(network, state), state, save_all=save_all)
        self._run([one for one in network if one not in state], state, save_all=save_all)
        for one in missing:
            if one in self._functions and one not in state:
                depends = one.depends or ()
                self._build(depends, state, save_all=save_all)
                state[one] = self._functions[one](*(state[before] for before in depends))

    def _check_functions(self, layers: Iterable[LayerSpec]) -> None:
        for one in layers:
            if one in self._learnt:
                raise DependencyError(
                    f"{one.name!r} of {self.backbone.name!r} compares maps with prototypes, which "
                    "are yours: register a function that computes it, or see PrototypeEmbedder."
                )

    def _own_below(self, layers: Iterable[LayerSpec], state: State) -> list[LayerSpec]:
        """The layers with a function of one's own that others depend on, not yet known."""
        found: dict[LayerSpec, None] = {}
        waiting, seen = list(layers), set()
        while waiting:
            for before in self.graph.from_id(waiting.pop().id_).depends or ():
                if before in self._functions and before not in state:
                    found[before] = None
                elif before not in state and before not in seen:
                    seen.add(before)
                    waiting.append(before)
        return list(found)

    def _run(self, asked: list[LayerSpec], state: State, *, save_all: bool) -> None:
        """Compute layers of the network from what the state holds."""
        if SOURCE in asked:
            raise ValueError(_NO_SOURCE)
        if IMAGE in asked:
            self._read(state)
        asked = [one for one in asked if one != IMAGE]
        if not asked:
            return
        given = [self.graph.from_id(id_) for id_ in state]
        wanted = self._between(asked, state) if save_all else asked
        names = frozenset(one.name for one in given if one not in (SOURCE, IMAGE))
        function, run = _function(
            self.backbone, *self._weights, names, tuple(one.name for one in wanted)
        )
        if "" in function.inputs and IMAGE not in state:
            self._read(state)
        tree = start_jax().tree
        values = [
            tree.map(lambda x: x[None], state[self.graph.from_name(name) if name else IMAGE])
            for name in function.inputs
        ]
        try:
            found = run(function.variables, values)
        except ValueError as error:
            if SOURCE in state:
                error.add_note(f"The image is {state[SOURCE]!r}.")
            raise
        for layer, value in zip(wanted, found, strict=True):
            state[layer] = tree.map(lambda x: np.asarray(x)[0], value)

    def _between(self, asked: list[LayerSpec], state: State) -> list[LayerSpec]:
        """The layers that are asked for and those in between, in the network's order."""
        found, waiting = set(asked), list(asked)
        while waiting:
            for before in self.graph.from_id(waiting.pop().id_).depends or ():
                if before not in state and before not in found and before != IMAGE:
                    found.add(before)
                    waiting.append(before)
        return [one for one in self.graph if one in found]

    def _read(self, state: State) -> None:
        """Put the image into a state, from its source."""
        if SOURCE not in state:
            raise ValueError(_NO_SOURCE)
        state[IMAGE] = self._image(state[SOURCE])

    def _image(self, source: Any) -> np.ndarray:
        limits, backbone = Limits.from_config(), self.backbone
        raw = read(source, limits=limits)
        pixels = network_input(backbone, backbone.resize, "exact", raw, limits)
        return self._access.image(pixels)

    def _checked(self, image: np.ndarray) -> np.ndarray:
        """An array that is what the network takes; it is stored as it is."""
        shape = self._access.image_shape()
        fits = image.ndim == len(shape) and all(
            built in (0, side) for built, side in zip(shape, image.shape, strict=True)
        )
        if image.dtype != np.float32 or not fits:
            raise ValueError(
                f"An array is taken for what the network takes, float32 of shape {shape}; got "
                f"{image.dtype} of shape {image.shape}. To have pixels prepared, give "
                "PIL.Image.fromarray(pixels), or a file."
            )
        return image


_NO_SOURCE = "The state has no source and no image, from which the layer could be computed."


@functools.lru_cache(maxsize=16)
def _function(
    backbone: Backbone,
    weights: str | None,
    digest: str,
    given: frozenset[str],
    asked: tuple[str, ...],
) -> tuple[LayerFunction, Callable[..., list[Any]]]:
    """A part of a network, and the same jitted."""
    check_unchanged(weights, digest)
    top = needs_classifier(backbone, {*given, *asked})
    access = format_of(backbone).layer_access(backbone)
    function = access.function(weights, sorted(given), asked, top)
    return function, start_jax().jit(function.run)


def _takes(function: Callable[..., Any], n: int) -> bool:
    """Whether a function can be called with `n` arguments by position."""
    try:
        inspect.signature(function).bind(*range(n))
    except TypeError:
        return False
    return True
