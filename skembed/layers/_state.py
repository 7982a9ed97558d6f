"""The state of one image: the outputs of layers that are known."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..backbones._backbone import Backbone
from ._graph import LayerGraph, LayerSpec


class State(UserDict):
    """The outputs of layers for one image, by layer; it belongs to the network of one model.

    A key may be a :class:`LayerSpec`, its id, or its name in capitals or not. Iterating gives ids.

    Parameters
    ----------
    backbone : Backbone
        The network.
    graph : LayerGraph
        Its layers.
    values : mapping or iterable of pairs, default=()
        What is known already.

    Attributes
    ----------
    backbone : Backbone
        The network whose layers these are.

    See Also
    --------
    make_state : Make one of an image.

    Notes
    -----
    Two states are equal if they are of one network and hold equal arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import layers
    >>> state = layers.make_state("efficientnet_lite0", np.zeros((224, 224, 3), np.float32))
    >>> list(state), state["Image"].shape
    (['i'], (224, 224, 3))
    """

    def __init__(
        self,
        backbone: Backbone,
        graph: LayerGraph,
        values: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (),
    ):
        self.backbone, self._graph = backbone, graph
        super().__init__(values)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.data[self._id(key)] = value

    def __getitem__(self, key: Any) -> Any:
        return self.data[self._id(key)]

    def __delitem__(self, key: Any) -> None:
        del self.data[self._id(key)]

    def __contains__(self, key: object) -> bool:
        return self._id(key) in self.data

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State) or self.backbone != other.backbone:
            return False
        return self.data.keys() == other.data.keys() and all(
            _equal(value, other.data[key]) for key, value in self.data.items()
        )

    __hash__ = None  # type: ignore[assignment] - it changes

    def __repr__(self) -> str:
        return f"<State of {self.backbone.name!r}: {', '.join(self.data)}>"

    def copy(self) -> State:
        """Return a state of its own, with the same arrays.

        Returns
        -------
        State
            What is added to it is not added to this one.
        """
        return State(self.backbone, self._graph, dict(self.data))

    def _id(self, key: Any) -> str:
        if isinstance(key, LayerSpec):
            return key.id_
        if key in self.data:
            return key
        try:
            return self._graph.from_name(key).id_
        except ValueError:
            return key


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)
