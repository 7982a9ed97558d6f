"""The interface of engines: an engine builds programs, and answers all that depends on it."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._errors import MissingLibraryError, parameter
from .._optional import install_command

if TYPE_CHECKING:  # the command lists engines before it loads NumPy
    from ..backbones._backbone import Backbone
    from ..formats._network import NetworkSpec
    from ._program import MapsProgram, Program

# Images and rows pass through these with every engine. simplejpeg and Numba are not listed, because
# they give Pillow's bits.
_PACKAGES = ("numpy", "pillow")


class UnsupportedNetworkError(RuntimeError):
    """The engine cannot run this network; the message says why.

    Examples
    --------
    >>> from skembed import engines
    >>> raise engines.UnsupportedNetworkError("Mine has no depthwise convolutions.")
    Traceback (most recent call last):
        ...
    skembed.engines._engine.UnsupportedNetworkError: Mine has no depthwise convolutions.
    """


class TransientError(UnsupportedNetworkError):
    """The engine cannot run this network now, which says nothing of the next time.

    Examples
    --------
    >>> from skembed import engines
    >>> raise engines.TransientError("There is no room for the graph.")
    Traceback (most recent call last):
        ...
    skembed.engines._engine.TransientError: There is no room for the graph.
    """


@dataclass(frozen=True, slots=True)
class Batching:
    """How the images of a transform are taken to a program.

    Parameters
    ----------
    together : int
        Images that are decoded, computed and stored together.
    at_once : int
        Images in each batch that the program takes.
    may_halve : bool, default=False
        Whether smaller batches are tried where one does not fit in memory.
    same_bits : bool, default=True
        Whether a row has the same bits whatever `at_once` is.
    by_user : bool, default=False
        Whether `at_once` is the user's ``batch_size``, so that a smaller one would need less
        memory.

    Examples
    --------
    >>> from skembed import engines
    >>> engines.Batching(together=64, at_once=8).same_bits
    True
    """

    together: int
    at_once: int
    may_halve: bool = False
    same_bits: bool = True
    by_user: bool = False


class Engine(abc.ABC):
    """A library that runs networks, and everything that depends on which one it is.

    An engine is registered once, by :func:`register`, and has no state but what it remembers of
    networks that it has refused. Its module imports its library inside functions: the names of
    all engines are known before one of them is needed.

    Attributes
    ----------
    name : str
        What the parameter `engine` calls it.
    title : str
        What messages call it.
    packages : tuple of str
        The distributions whose versions change its numbers; rows are kept by them.
    extra : str
        The extra of skembed that installs it; empty where there is none.

    Examples
    --------
    >>> from skembed import engines
    >>> engine = engines.get("jax")
    >>> engine.title, engine.packages[0], engine.extra
    ('JAX', 'jax', '')
    """

    name: str
    title: str
    packages: tuple[str, ...] = ()
    extra: str = ""

    def __repr__(self) -> str:
        return f"<engine {self.name!r}>"

    def is_installed(self) -> bool:
        """Tell whether its library is installed; nothing is loaded.

        Returns
        -------
        bool
            True unless a subclass knows better.
        """
        return True

    def require(self) -> None:
        """Check that its library can be loaded.

        Raises
        ------
        MissingLibraryError
            If it is not installed, where the message names the extra that brings it, or cannot
            be loaded.
        """
        if not self.is_installed():
            how = (
                f": {install_command(self.extra)}" if self.extra else ", which is not installed"
            )
            raise MissingLibraryError(
                f"{parameter('engine', self.name)} needs {self.title}{how}."
            )

    def is_preferred(self) -> bool:
        """Tell whether ``engine="auto"`` takes it before those that are not preferred.

        Returns
        -------
        bool
            It may depend on the machine.
        """
        return False

    def starts_devices(self) -> bool:
        """Tell whether `is_preferred` would start devices, and so settle which are used.

        Returns
        -------
        bool
            Where it would, an estimator's repr does not ask.
        """
        return False

    def accepts(self, network_type: type) -> bool:
        """Tell whether it runs networks of a kind, as far as that alone can tell.

        Parameters
        ----------
        network_type : type
            Of what a format hands an engine (:class:`skembed.formats.Format`).

        Returns
        -------
        bool
            True unless a subclass knows better.
        """
        del network_type
        return True

    def unsupported(self, backbone: Backbone | None, precision: str) -> str:
        """Say why it cannot run such a network on this machine; empty where it can.

        ``engine="auto"`` passes over the engine without a word, and to ask for it by name is an
        error.

        Parameters
        ----------
        backbone : Backbone or None
            The network; None asks about the precision alone.
        precision : {"float32", "bfloat16"}
            Of its arithmetic.

        Returns
        -------
        str
            A clause, such as ``"it runs Keras models only"``.
        """
        del backbone, precision
        return ""

    def refusal(self, network: NetworkSpec) -> str:
        """Say why it has refused a network, as far as that is known without building it.

        Another engine runs the network instead, and a warning gives the reason.

        Parameters
        ----------
        network : NetworkSpec
            The network.

        Returns
        -------
        str
            A clause; empty where it may be built.
        """
        del network
        return ""

    def forget(self) -> None:  # noqa: B027 - most engines remember nothing
        """Forget which networks were refused, so that they are tried again."""

    @abc.abstractmethod
    def device(self) -> str:
        """Name the kind of device that networks run on: each rounds in its own way.

        Returns
        -------
        str
            The same for devices that give the same bits.
        """

    def key(self) -> dict[str, Any]:
        """Return what of the engine changes numbers; rows are kept by it.

        Returns
        -------
        dict
            Name, device and versions, to be written as JSON.
        """
        from importlib.metadata import version

        packages = (*_PACKAGES, *self.packages)
        return {
            "engine": self.name,
            "device": self.device(),
            "versions": {name: version(name) for name in packages},
        }

    @abc.abstractmethod
    def batching(self, batch_size: int | str) -> Batching:
        """Return how images are taken to a program.

        Parameters
        ----------
        batch_size : int or "auto"
            The user's.

        Returns
        -------
        Batching
            Sizes, and what depends on them.
        """

    def build_maps(self, network: NetworkSpec) -> MapsProgram | None:
        """Build a network for its feature maps, which are looked at and never kept.

        Parameters
        ----------
        network : NetworkSpec
            The network and its taps.

        Returns
        -------
        MapsProgram or None
            By default None: the engine gives rows only, and another one gives the maps.
        """
        del network
        return None

    @abc.abstractmethod
    def build(self, network: NetworkSpec) -> Program:
        """Build a network.

        Parameters
        ----------
        network : NetworkSpec
            The network, its weights, taps, pooling and precision.

        Returns
        -------
        Program
            It takes images and returns rows.

        Raises
        ------
        UnsupportedNetworkError
            If the engine cannot run it, where another engine is to; TransientError if it may go
            well another time.
        """
