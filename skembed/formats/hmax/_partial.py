"""The steps of HMAX from layers that are known to others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .._partial import LayerFunction
from ._layers import Hmax

_ORDER = ("", "retina", "S1", "C1")


def layer_function(hmax: Hmax, given: Collection[str], asked: Sequence[str]) -> LayerFunction:
    """Return what computes layers from the nearest that is known below each.

    Parameters
    ----------
    hmax : Hmax
        The steps.
    given, asked : collections of str
        Names of layers; the image is always known.
    """
    starts = {name: _start(name, {"", *given}) for name in asked}
    inputs = tuple(name for name in _ORDER if name in starts.values())
    steps = {"retina": hmax.retina, "S1": hmax.s1, "C1": hmax.c1}

    def run(variables: Any, values: Sequence[Any]) -> list[Any]:
        import jax

        del variables

        def of_image(values: dict[str, Any]) -> list[Any]:
            found = dict(values)

            def value(name: str) -> Any:
                if name not in found:
                    found[name] = steps[name](value(_ORDER[_ORDER.index(name) - 1]))
                return found[name]

            return [value(name) for name in asked]

        return jax.vmap(of_image)(dict(zip(inputs, values, strict=True)))

    return LayerFunction(inputs, (), run)


def _start(name: str, known: set[str]) -> str:
    """The nearest layer below one that is known."""
    below = _ORDER[: _ORDER.index(name)]
    return next(one for one in reversed(below) if one in known)
