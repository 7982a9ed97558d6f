"""The layers of a network as nodes that depend on each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import did_you_mean
from ..backbones._backbone import Backbone
from ..backbones._formats import format_of
from ..backbones._registry import resolve
from ._select import known


@dataclass(frozen=True, slots=True, eq=False)
class LayerSpec:
    """A node of a graph of layers; two are equal, and hash alike, if their ids are equal.

    Parameters
    ----------
    id_ : str
        What a :class:`State` knows it by.
    name : str
        What a person calls it.
    depends : list of LayerSpec or None, default=None
        The nodes that it is computed from; None for none.

    Raises
    ------
    ValueError
        If `depends` is something else.

    Examples
    --------
    >>> from skembed.layers import LayerSpec
    >>> image = LayerSpec("i", "image")
    >>> LayerSpec("e", "edges", [image]).depends
    (LayerSpec('i', 'image'),)
    """

    id_: str
    name: str
    depends: Sequence[LayerSpec] | None = None

    def __post_init__(self) -> None:
        depends = () if self.depends is None else self.depends
        if not isinstance(depends, list | tuple) or not all(
            isinstance(one, LayerSpec) for one in depends
        ):
            raise ValueError(f"depends must be a list of LayerSpec, or None; got {depends!r}.")
        object.__setattr__(self, "depends", tuple(depends))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LayerSpec) and self.id_ == other.id_

    def __hash__(self) -> int:
        return hash(self.id_)

    def __repr__(self) -> str:
        return f"LayerSpec({self.id_!r}, {self.name!r})"


SOURCE = LayerSpec("s", "source")
IMAGE = LayerSpec("i", "image", [SOURCE])


class LayerGraph:
    """The layers of a network, from the source of the image to the last.

    Parameters
    ----------
    layers : iterable of LayerSpec
        Each after those that it depends on.
    name : str
        Of the network, for messages.

    Attributes
    ----------
    all_layers : tuple of LayerSpec
        In the network's order, `source` and `image` first.
    top_layer : LayerSpec
        The first layer on which no other depends.

    See Also
    --------
    graph : Make one.

    Examples
    --------
    >>> from skembed import layers
    >>> graph = layers.graph("efficientnet_lite0")
    >>> graph.all_layers[0].name, graph.top_layer.name
    ('source', 'predictions')
    >>> graph.is_sublayer("stem_conv", "top_conv")
    True
    """

    def __init__(self, layers: Iterable[LayerSpec], name: str):
        self.all_layers, self._name = tuple(layers), name
        self._by_id = {layer.id_: layer for layer in self.all_layers}
        self._by_name = {layer.name.lower(): layer for layer in reversed(self.all_layers)}

    def __repr__(self) -> str:
        return f"<LayerGraph of {self._name!r}, {len(self.all_layers)} layers>"

    def __contains__(self, layer: object) -> bool:
        return isinstance(layer, LayerSpec) and layer.id_ in self._by_id

    def __iter__(self) -> Any:
        return iter(self.all_layers)

    def __len__(self) -> int:
        return len(self.all_layers)

    def from_name(self, name: str | LayerSpec) -> LayerSpec:
        """Return the layer of a name, in capitals or not.

        Parameters
        ----------
        name : str or LayerSpec
            A LayerSpec is returned as it is.

        Returns
        -------
        LayerSpec
            Where two names differ in capitals only, the one that is written so, else the first.

        Raises
        ------
        ValueError
            If there is none; the message has the nearest names.
        """
        if isinstance(name, LayerSpec):
            return name
        exact = [layer for layer in self.all_layers if layer.name == name]
        found = exact[0] if exact else self._by_name.get(str(name).lower())
        if found is None:
            names = [layer.name for layer in self.all_layers]
            raise ValueError(
                f"{self._name!r} has no layer {name!r}. {did_you_mean(name, names)}"
            )
        return found

    def from_id(self, id_: str | LayerSpec) -> LayerSpec:
        """Return the layer of an id.

        Parameters
        ----------
        id_ : str or LayerSpec
            A LayerSpec is returned as it is.

        Returns
        -------
        LayerSpec
            The layer.

        Raises
        ------
        ValueError
            If there is none.
        """
        if isinstance(id_, LayerSpec):
            return id_
        if id_ not in self._by_id:
            hint = did_you_mean(id_, self._by_id)
            raise ValueError(f"{self._name!r} has no layer with the id {id_!r}. {hint}")
        return self._by_id[id_]

    def is_sublayer(self, sub: str | LayerSpec, above: str | LayerSpec) -> bool:
        """Tell whether a layer is computed from another, at first hand or not.

        Parameters
        ----------
        sub, above : str or LayerSpec
            Layers, or their names.

        Returns
        -------
        bool
            Whether `above` depends on `sub`; False where the two are one.
        """
        sub, waiting, seen = self.from_name(sub), [self.from_name(above)], set()
        while waiting:
            for before in waiting.pop().depends or ():
                if before == sub:
                    return True
                if before not in seen:
                    seen.add(before)
                    waiting.append(self._by_id.get(before.id_, before))
        return False

    @property
    def top_layer(self) -> LayerSpec:
        """The first layer on which no other depends."""
        used = {before for layer in self.all_layers for before in layer.depends or ()}
        return next(layer for layer in self.all_layers if layer not in used)

    def extended(self, layer: LayerSpec) -> LayerGraph:
        """Return the graph with one more layer, or with another in the place of one.

        Parameters
        ----------
        layer : LayerSpec
            What it depends on is in the graph.

        Returns
        -------
        LayerGraph
            A new one.
        """
        others = [one for one in self.all_layers if one != layer]
        if layer in self:
            others = [layer if one == layer else one for one in self.all_layers]
            return LayerGraph(others, self._name)
        return LayerGraph([*others, layer], self._name)


def graph(backbone: Any = "efficientnet_lite0") -> LayerGraph:
    """Return the layers of a backbone and how they depend on each other.

    Parameters
    ----------
    backbone : str, path, keras.Model or Backbone, default="efficientnet_lite0"
        As an estimator takes it.

    Returns
    -------
    LayerGraph
        Read from the network. The first two are `source`, where the image comes from, and
        `image`, what the network takes.

    See Also
    --------
    table : The same layers with their shapes.
    build_layer : Compute some of them.

    Examples
    --------
    >>> from skembed import layers
    >>> graph = layers.graph("efficientnet_lite0")
    >>> graph.from_name("STEM_BN").depends
    (LayerSpec('stem_conv', 'stem_conv'),)
    >>> graph.is_sublayer("stem_conv", "top_conv"), graph.is_sublayer("top_conv", "stem_conv")
    (True, False)
    >>> graph.top_layer.name
    'predictions'
    """
    return graph_of(resolve(backbone))


def graph_of(backbone: Backbone) -> LayerGraph:
    """Return the graph of a backbone that is resolved."""
    access = format_of(backbone).layer_access(backbone)
    by_name: dict[str, LayerSpec] = {}
    for layer in known(backbone):
        if not layer.depends:  # what comes in
            by_name[layer.name] = IMAGE
        else:
            depends = [by_name[name] for name in layer.depends]
            by_name[layer.name] = LayerSpec(access.id_of(layer.name), layer.name, depends)
    for name, depends in access.learnt():
        specs = [by_name[one] for one in depends]
        by_name[name] = LayerSpec(access.id_of(name), name, specs)
    network = [layer for layer in by_name.values() if layer != IMAGE]
    return LayerGraph([SOURCE, IMAGE, *network], backbone.name)
