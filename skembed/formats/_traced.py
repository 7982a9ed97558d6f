"""Networks that are functions of arrays, which JAX traces and compiles."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar

from ..backbones._formats import format_of

if TYPE_CHECKING:
    from ..backbones import Backbone


class TracedNetwork(abc.ABC):
    """A network that JAX can trace: what the engine ``"jax"`` runs.

    A format whose `network_type` inherits from it needs no engine of its own.

    Attributes
    ----------
    has_scales : bool
        Whether layers have a map for each of several scales of the image.

    Examples
    --------
    >>> from skembed import formats
    >>> from skembed.formats.hmax import HmaxNetwork
    >>> issubclass(HmaxNetwork, formats.TracedNetwork)
    True
    """

    has_scales: ClassVar[bool] = False

    @abc.abstractmethod
    def variables(self) -> Any:
        """Return what the network has learnt.

        Returns
        -------
        tree of arrays
            They go to the device once, and are not compiled into the program.
        """

    @abc.abstractmethod
    def outputs(self, variables: Any, images: Any) -> list[Any]:
        """Return what each tap of the request gives; traced by JAX.

        Parameters
        ----------
        variables : tree of arrays
            As :meth:`variables` returns it.
        images : float32 array of shape (batch, height, width, channels)
            Prepared.

        Returns
        -------
        list of arrays, or of tuples of arrays
            One for each tap, each array with the batch first and the channels last. A tuple has a
            map for each scale; its columns are those of one scale after the other.
        """


def why_not_traced(backbone: Backbone | None) -> str:
    """Say why an engine that traces networks cannot run a backbone; empty where it can."""
    if backbone is None or issubclass(format_of(backbone).network_type, TracedNetwork):
        return ""
    return (
        "it runs networks of Keras and of other formats that JAX can trace, and not of the "
        f"format {backbone.format!r}"
    )
