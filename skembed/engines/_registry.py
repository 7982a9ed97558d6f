"""The registry of engines: their order, and the rule behind ``engine="auto"``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import TYPE_CHECKING, Any

from .._errors import did_you_mean, parameter
from ._engine import Engine
from .jax._engine import JaxEngine
from .litert._engine import LiteRTEngine
from .openvino._engine import OpenVinoEngine

if TYPE_CHECKING:
    from ..backbones._backbone import Backbone
    from ..formats._network import NetworkSpec

AUTO = "auto"
# By name, in order: a network that one of them refuses goes to the next. JAX, which runs all that
# Keras can describe, is the last.
_engines: dict[str, Engine] = {
    engine.name: engine for engine in (OpenVinoEngine(), LiteRTEngine(), JaxEngine())
}
REFERENCE = next(reversed(_engines))  # which others are compared with; the usual one of rows


class EngineNames(Set[str]):
    """The allowed values of the parameter `engine`: ``"auto"``, and the engines registered now."""

    def __contains__(self, name: object) -> bool:
        return name == AUTO or name in _engines

    def __iter__(self) -> Iterator[str]:
        return iter((AUTO, *names()))

    def __len__(self) -> int:
        return 1 + len(_engines)

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        return set(it)  # what is left after a subtraction is no such view


ENGINES = EngineNames()


def register(engine: Engine) -> None:
    """Add an engine: before all others, or in the place of one of its name.

    ``engine="auto"`` takes it where it is preferred, and where it alone runs a backbone.

    Parameters
    ----------
    engine : Engine
        An instance, whose class says all there is to say.

    Raises
    ------
    TypeError
        If it is none.
    ValueError
        If its name is ``"auto"``.

    See Also
    --------
    unregister : Remove it again.

    Examples
    --------
    An engine for networks that do nothing but average colours:

    >>> from skembed import engines
    >>> class Averages(engines.Program):
    ...     def start(self, images):
    ...         rows = images.mean(axis=(1, 2))
    ...         return lambda: rows
    >>> class MeanColours(engines.Engine):
    ...     name, title = "mean_colours", "Mean Colours"
    ...
    ...     def device(self):
    ...         return "cpu"
    ...
    ...     def unsupported(self, backbone, precision):
    ...         return "it has no use for weights" if backbone and backbone.n_parameters else ""
    ...
    ...     def batching(self, batch_size):
    ...         return engines.Batching(together=32, at_once=32)
    ...
    ...     def build(self, network):
    ...         return Averages()
    >>> engines.register(MeanColours())
    >>> engines.names()
    ['jax', 'litert', 'mean_colours', 'openvino']
    >>> engines.unregister("mean_colours")
    """
    if not isinstance(engine, Engine):
        raise TypeError(f"engine must be an instance of Engine, got {engine!r}.")
    if engine.name == AUTO:
        raise ValueError(f"An engine cannot be called {AUTO!r}, which lets skembed choose one.")
    # A name that is known keeps its place.
    place = _engines if engine.name in _engines else {engine.name: engine, **_engines}
    _replace({**place, engine.name: engine})


def unregister(name: str) -> None:
    """Remove an engine; nothing happens where there is none of the name.

    Parameters
    ----------
    name : str
        The engine's.

    Examples
    --------
    >>> from skembed import engines
    >>> engines.unregister("mean_colours")
    """
    _replace({other: engine for other, engine in _engines.items() if other != name})


def _replace(engines: dict[str, Engine]) -> None:
    _engines.clear()
    _engines.update(engines)


def names() -> list[str]:
    """Return the names of all engines, in alphabetical order.

    Returns
    -------
    list of str
        Whether or not they are installed.

    Examples
    --------
    >>> from skembed import engines
    >>> engines.names()
    ['jax', 'litert', 'openvino']
    """
    return sorted(_engines)


def engines() -> tuple[Engine, ...]:
    """Return all engines, in their order."""
    return tuple(_engines.values())


def get(name: str) -> Engine:
    """Return an engine.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    Engine
        What was registered under the name.

    Raises
    ------
    ValueError
        If there is none of this name; the message has the nearest.

    Examples
    --------
    >>> from skembed import engines
    >>> engines.get("jax").is_installed()
    True
    """
    if name not in _engines:
        raise ValueError(f"engine is {name!r}. {did_you_mean(name, ENGINES)}")
    return _engines[name]


def choose(name: str, backbone: Backbone, precision: str) -> Engine:
    """Return the engine that `name` means for a backbone, at a precision, on this machine.

    ``"auto"`` is the first engine that is installed and can run it; those that are preferred on
    this machine come first.

    Raises
    ------
    MissingLibraryError
        If the engine is not installed; or, for ``"auto"``, the only one that can run it.
    ValueError
        If there is no such engine, or it cannot run such a network here; or, for ``"auto"``, none
        can.
    """
    if name == AUTO:
        return _first(engines(), backbone, precision) or _refuse(backbone, precision)
    engine = get(name)
    engine.require()
    if reason := engine.unsupported(backbone, precision):
        other = _first(engines(), backbone, precision)
        how = f" {parameter('engine', other.name)} can." if other else ""
        raise ValueError(
            f"{parameter('engine', name)} cannot run {backbone.name!r}: {reason}.{how}"
        )
    return engine


def following(engine: Engine, network: NetworkSpec) -> Engine | None:
    """Return the engine that runs a network which `engine` has refused; None where none can."""
    order = engines()
    behind = order[order.index(engine) + 1 :]
    return _first(behind, network.backbone, network.precision)


def preferred(network_type: type, precision: str) -> list[Engine]:
    """Return the engines that ``"auto"`` may choose for a kind of networks."""
    able = [
        engine
        for engine in engines()
        if engine.is_installed()
        and engine.accepts(network_type)
        and not engine.unsupported(None, precision)
    ]
    return [engine for engine in able if engine.is_preferred()] or able


def require(name: str) -> None:
    """Check that the engine `name` can be loaded; there always is one for ``"auto"``.

    Raises
    ------
    MissingLibraryError
        If it cannot.
    """
    if name != AUTO:
        get(name).require()


def starts_devices() -> bool:
    """Whether choosing an engine would start devices, and so settle which are used."""
    return any(engine.is_installed() and engine.starts_devices() for engine in engines())


def _first(candidates: tuple[Engine, ...], backbone: Backbone, precision: str) -> Engine | None:
    installed = [engine for engine in candidates if engine.is_installed()]
    # The order among equals stays.
    for engine in sorted(installed, key=lambda engine: not engine.is_preferred()):
        if not engine.unsupported(backbone, precision):
            return engine
    return None


def _refuse(backbone: Backbone, precision: str) -> Engine:
    """Say why no engine runs a backbone; where one would that is not installed, how to get it."""
    reasons = {engine: engine.unsupported(backbone, precision) for engine in engines()}
    for engine, reason in reasons.items():
        if not reason and engine.extra:
            engine.require()
    told = [
        f"{engine.title}: {reason}" if reason else f"{engine.title} is not installed"
        for engine, reason in reasons.items()
    ]
    raise ValueError(f"No engine can run {backbone.name!r}. {'; '.join(told)}.")
