"""HMAX as an engine runs it: from pixels to the layers that are tapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

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
