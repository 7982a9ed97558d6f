"""HMAX as a whole network for engines, and its layers one by one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...backbones._hmax import HmaxParameters
from .._layer_access import LayerAccess, LayerFunction
from .._network import Layer
from .._traced import TracedNetwork
from ._layers import Hmax


@dataclass(frozen=True, slots=True)
class HmaxNetwork(TracedNetwork):
    """HMAX, and what of it is wanted.

    Parameters
    ----------
    hmax : Hmax
        Its layers.
    names : tuple of str
        The layer that each tap takes.
    """

    hmax: Hmax
    names: tuple[str, ...]

    has_scales: ClassVar[bool] = True

    def variables(self) -> tuple[()]:
        """Return nothing: there is nothing that is learnt."""
        return ()

    def outputs(self, variables: Any, images: Any) -> list[Any]:
        """Return the maps of each tap; what no tap depends on is not computed."""
        import jax

        del variables
        return jax.vmap(self._taps)(images)

    def _taps(self, pixels: Any) -> list[Any]:
        hmax, values = self.hmax, {"image": self.hmax.image(pixels)}
        steps = {
            "retina": ("image", hmax.retina),
            "S1": ("retina", hmax.s1),
            "C1": ("S1", hmax.c1),
        }

        def value(name: str) -> Any:
            if name not in values:
                before, step = steps[name]
                values[name] = step(value(before))
            return values[name]

        return [
            value(name)[..., None] if name in ("image", "retina") else value(name)
            for name in self.names
        ]


_ORDER = ("", "retina", "S1", "C1")


class HmaxLayers(LayerAccess):
    """The image, the retina, S1 and C1; S2 and C2 once prototypes are learnt."""

    @property
    def _parameters(self) -> HmaxParameters:
        return HmaxParameters.of(self.backbone)

    def id_of(self, name: str) -> str:
        """Return Glimpse's id: the name in small letters, and ``r`` for the retina."""
        return "r" if name == "retina" else name.lower()

    def learnt(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return S2, which compares C1 with prototypes, and C2."""
        return ("S2", ("C1",)), ("C2", ("S2",))

    def image(self, pixels: np.ndarray) -> np.ndarray:
        """Return RGB pixels of 0-255 as a grey image in [0, 1]."""
        return np.asarray(Hmax(self._parameters).image(pixels))

    def image_shape(self) -> tuple[int, ...]:
        """Return that an image may have any height and width."""
        return (0, 0)

    def function(
        self, weights: str | None, given: Collection[str], asked: Sequence[str], top: bool
    ) -> LayerFunction:
        """Return the steps between the layers."""
        del weights, top
        return _steps(Hmax(self._parameters), given, asked)

    def patch_box(
        self, layer: Layer, place: tuple[int, int, int], width: int
    ) -> tuple[float, float, float, float]:
        """Return all pixels that a patch of S1 or C1 was computed from, but for the resizing."""
        p, size, (scale, row, column) = self._parameters, self.backbone.input_size, place
        if layer.name not in ("S1", "C1"):
            return super().patch_box(layer, place, width)
        # A patch spans units: of C1 first, then of S1, then pixels of its level of the pyramid.
        first, last = np.array([row, column]), np.array([row, column]) + width - 1
        if layer.name == "C1":
            first, last = first * p.c1_sampling, last * p.c1_sampling + p.c1_kwidth - 1
        first, end = first * p.s1_sampling, last * p.s1_sampling + p.s1_kwidth
        lost = p.retina_kwidth - 1 if p.retina_enabled else 0
        shrunk = np.array(p.pyramid_sizes(size)[scale]) / p.pyramid_sizes(size)[0]
        top, left = first / shrunk
        bottom, right = end / shrunk + lost
        return float(top), float(left), float(bottom), float(right)

    def comparison(self) -> tuple[str, float, float]:
        """Return what the parameters say of S2.

        Raises
        ------
        ValueError
            If S2 is to leave places out.
        """
        p = self._parameters
        if p.s2_sampling != 1:
            raise ValueError(
                f"s2_sampling is {p.s2_sampling}, and PrototypeEmbedder compares every place: "
                "leave 1."
            )
        return p.s2_operation, p.s2_beta, p.s2_bias


def _steps(hmax: Hmax, given: Collection[str], asked: Sequence[str]) -> LayerFunction:
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
