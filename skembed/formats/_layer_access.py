"""The interface for the layers of a network, one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from ..backbones import Backbone
    from ._network import Layer


@dataclass(frozen=True, slots=True)
class LayerFunction:
    """The part of a network between layers that are known and layers that are asked for.

    Parameters
    ----------
    inputs : tuple of str
        The layers that it takes, of those that are known; ``""`` is the image.
    variables : object
        Arrays that `run` takes.
    run : callable
        ``run(variables, values)`` returns a list of what the layers that are asked for give, with
        the batch first; JAX traces it. `values` are those of `inputs`.

    Examples
    --------
    >>> from skembed.formats import LayerFunction
    >>> double = LayerFunction(("a",), (), lambda variables, values: [2 * values[0]])
    >>> double.run(double.variables, [3])
    [6]
    """

    inputs: tuple[str, ...]
    variables: Any
    run: Callable[[Any, Sequence[Any]], list[Any]]


class LayerAccess:
    """The layers of one network, one by one: their names, their patches, and computing some.

    :meth:`Format.layer_access` returns it. What is here holds for a format that computes its
    networks whole: its layers can be asked for as rows, and their patches compared, and
    :meth:`function` refuses. A format that computes layers one by one derives from it.

    Parameters
    ----------
    backbone : Backbone
        The network, with the input size that is meant.

    Examples
    --------
    >>> from skembed import backbones, formats
    >>> backbone = backbones.get("hmax")
    >>> access = formats.format_of(backbone).layer_access(backbone)
    >>> access.id_of("retina"), access.learnt()
    ('r', (('S2', ('C1',)), ('C2', ('S2',))))
    """

    def __init__(self, backbone: Backbone):
        self.backbone = backbone

    def id_of(self, name: str) -> str:
        """Return the short name of a layer, for :func:`skembed.layers.graph`.

        Parameters
        ----------
        name : str
            Of one of the layers.

        Returns
        -------
        str
            By default, the name itself.
        """
        return name

    def learnt(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return layers that the network has once something is learnt, or registered.

        Returns
        -------
        tuple of (str, tuple of str)
            Names, and what each depends on; by default none.
        """
        return ()

    def image(self, pixels: np.ndarray) -> np.ndarray:
        """Return what the graph of layers calls the image.

        Parameters
        ----------
        pixels : float32 array of shape (height, width, channels)
            As the network takes them, prepared.

        Returns
        -------
        float32 array
            By default the same.
        """
        return pixels

    def image_shape(self) -> tuple[int, ...]:
        """Return the shape of the image in the graph of layers; 0 for a side that is left open.

        Returns
        -------
        tuple of int
            By default, height, width and channels.
        """
        return (*self.backbone.input_size, self.backbone.n_channels)

    def function(
        self, weights: str | None, given: Collection[str], asked: Sequence[str], top: bool
    ) -> LayerFunction:
        """Return what computes some layers from others, and nothing else of the network.

        Parameters
        ----------
        weights : str or None
            As a backbone's builder takes them.
        given : collection of str
            The layers whose outputs are known.
        asked : sequence of str
            The layers to compute.
        top : bool
            Whether the classifier is part of the network.

        Returns
        -------
        LayerFunction
            It takes the image only where something that is asked for depends on it by another way
            than through `given`.

        Raises
        ------
        ValueError
            By default: its layers are not computed one by one.
        """
        del weights, given, asked, top
        raise ValueError(
            f"{self.backbone.name!r} comes as {self.backbone.format!r}, whose layers are not "
            "computed one by one."
        )

    def patch_box(
        self, layer: Layer, place: tuple[int, int, int], width: int
    ) -> tuple[float, float, float, float]:
        """Return which part of the network's input a patch of a layer's maps stands for.

        Parameters
        ----------
        layer : Layer
            Whose maps.
        place : (int, int, int)
            Scale, first row and first column of the patch.
        width : int
            Of the patch.

        Returns
        -------
        (float, float, float, float)
            Top, left, bottom and right in pixels. By default, places are cells of equal size that
            cover the input.
        """
        scale, row, column = place
        cells, size = layer.map_shapes[scale], self.backbone.input_size
        down, across = size[0] / cells[0], size[1] / cells[1]
        return row * down, column * across, (row + width) * down, (column + width) * across

    def comparison(self) -> tuple[str, float, float]:
        """Return how patches of the layers are compared by default.

        Returns
        -------
        tuple of str, float and float
            Operation, beta and bias, as :class:`skembed.PrototypeEmbedder` has them. By default the
            operation does not depend on how large the values of a layer are.
        """
        return "NormDotProduct", 5.0, 0.01
