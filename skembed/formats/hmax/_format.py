"""HMAX as a format: it comes as parameters, and no file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._errors import WeightsError
from ...backbones._hmax import HmaxParameters, hmax_backbone
from .._format import Format
from .._network import EMBEDDING, Layer
from ._layers import Hmax
from ._network import HmaxLayers, HmaxNetwork

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .._network import NetworkSpec


class HmaxFormat(Format):
    """HMAX: Gabor kernels and maxima over scales of a grey image; its embedding is C1, pooled.

    There is nothing to load. The parameters are those of the backbone.
    """

    name = "hmax"
    network_type = HmaxNetwork

    def recognises(self, value: object) -> bool:
        """Return False: it has a name in the registry, and neither files nor objects."""
        del value
        return False

    def describe(self, value: Any, name: str | None = None) -> Backbone:
        """Refuse, because there is nothing to describe."""
        raise WeightsError(
            f"{name or value!r} is no file of HMAX: backbones.get('hmax') is all of it."
        )

    def with_parameters(self, backbone: Backbone, parameters: Mapping[str, Any]) -> Backbone:
        """Return HMAX with other parameters.

        Raises
        ------
        ValueError
            If there is no such parameter, or its value is not allowed.
        """
        changed = hmax_backbone(HmaxParameters.of(backbone).updated(parameters))
        return dataclasses.replace(changed, name=backbone.name)

    def sized(self, backbone: Backbone, size: tuple[int, int]) -> Backbone:
        """Return HMAX for images of another size, which may have room for more scales."""
        described = hmax_backbone(HmaxParameters.of(backbone), size)
        return dataclasses.replace(
            backbone,
            input_size=size,
            n_features=described.n_features,
            multiply_adds=described.multiply_adds,
        )

    def current(self, backbone: Backbone) -> Backbone:
        """Return `backbone` with as many features as there are at its size."""
        return self.sized(backbone, backbone.input_size)

    def takes_size(self, backbone: Backbone, size: tuple[int, int]) -> bool:
        """Return True: any size that is large enough."""
        del backbone, size
        return True

    def facts(self, backbone: Backbone) -> dict[str, Any]:
        """Return the parameters."""
        return dataclasses.asdict(HmaxParameters.of(backbone))

    def layers(self, backbone: Backbone, top: bool) -> tuple[Layer, ...]:
        """Return the image, the retina, S1 and C1; what comes after them is learnt."""
        del top
        p, size = HmaxParameters.of(backbone), backbone.input_size
        retina = "ContrastEnhance" if p.retina_enabled else "Identity"
        return (
            _layer("image", "Grey", (), (size,), 1),
            _layer("retina", retina, ("image",), (p.retina_size(size),), 1),
            _layer("S1", p.s1_operation, ("retina",), p.s1_sizes(size), p.s1_num_orientations),
            _layer("C1", "LocalMax", ("S1",), p.c1_sizes(size), p.s1_num_orientations),
        )

    def layer_access(self, backbone: Backbone) -> HmaxLayers:
        """Return HMAX's steps, one by one."""
        return HmaxLayers(backbone)

    def network(self, spec: NetworkSpec) -> HmaxNetwork:
        """Return the layers that are tapped.

        Raises
        ------
        WeightsError
            If weights are given.
        """
        if spec.weights not in ("imagenet", "random"):
            raise WeightsError(f"{spec.backbone.name!r} has no weights: leave weights.")
        names = ("C1" if tap.layer == EMBEDDING else tap.layer for tap in spec.taps)
        return HmaxNetwork(Hmax(HmaxParameters.of(spec.backbone)), tuple(names))


def _layer(
    name: str, kind: str, depends: tuple[str, ...], sizes: tuple[tuple[int, int], ...], n: int
) -> Layer:
    is_pyramid = name in ("S1", "C1")
    return Layer(
        name=name,
        kind=kind,
        stage="",
        depends=depends,
        shape=(*sizes[0], n),
        channel_axis=2,
        is_feature=is_pyramid,
        scales=sizes if is_pyramid else (),
    )
