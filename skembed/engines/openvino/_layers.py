"""The layer where a graph begins to give other numbers than Keras."""

from __future__ import annotations

import bisect
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ...backbones._formats import format_of
from ...formats._network import NetworkSpec
from ._compare import TOLERANCE, relative_difference
from ._compiled import compiled, outputs_of
from ._exporter import save_network, write_graph
from ._reference import Reference, largest_finite, layer_outputs
from ._runtime import core, import_openvino

_Key = tuple[str, int]  # a layer's name, and how often it has been called before


def first_difference(spec: NetworkSpec, reference: Reference) -> str | None:
    """The layer where the network begins to differ, in its order; None where no layer does.

    Raises
    ------
    MemoryError, RuntimeError, OSError
        If that many outputs find no room, or the graph that has them cannot be made.
    """
    model = format_of(spec.backbone).network(spec).model
    with tempfile.TemporaryDirectory(prefix="skembed-") as place:
        folder = Path(place)
        save_network(spec, model, folder)
        write_graph(folder, "layers")
        names = _numbered(json.loads((folder / "layers.json").read_text()))
        graph = core().read_model(folder / "layers.xml")
        together = _Outputs(graph, names, spec, model, reference)
        return together.first_apart() or together.first_joined()


class _Outputs:
    """What every layer gives, here and in Keras; one image after the other, for they are many."""

    def __init__(
        self,
        graph: Any,
        names: list[_Key],
        spec: NetworkSpec,
        model: Any,
        reference: Reference,
    ):
        self._graph, self._names, self._reference = graph, names, reference
        self._of = lambda images: layer_outputs(spec, model, images)

    def first_apart(self) -> str | None:
        """The first layer whose output is another for some image, as far as both have it."""
        program = compiled(self._graph, "float32")
        first: dict[int, str] = {}
        largest: dict[_Key, float] = {}
        images = self._reference.images
        for n, (image, right) in enumerate(zip(images, self._of(images), strict=True)):
            tolerance = self._reference.tolerance(n)
            ours = dict(zip(self._names, outputs_of(program, image), strict=True))
            for i, key in enumerate(_numbered([name for name, _ in right])):
                floor = largest.get(key, 0.0) if self._reference.is_flat(n) else 0.0
                if key in ours and _differs(right[i][1], ours[key][0], tolerance, floor):
                    first[i] = key[0]
                    break
                largest[key] = max(largest.get(key, 0.0), largest_finite(right[i][1]))
        return first[min(first)] if first else None

    def first_joined(self) -> str | None:
        """The first layer that is another only where the layers before it are no outputs.

        OpenVINO joins operations whose results nobody asks for, and may do that wrong. The graphs
        that end at each layer are halved until one of two neighbours is right and the other wrong.
        """
        image = self._reference.images[:1]
        (layers,) = self._of(image)
        right = dict(zip(_numbered([name for name, _ in layers]), layers, strict=True))
        keys = [key for key in right if key in self._names]

        def wrong(key: _Key) -> bool:
            result = self._graph.get_results()[self._names.index(key)]
            graph = openvino.Model([result], self._graph.get_parameters())
            found = outputs_of(compiled(graph, "float32"), image[0])
            return _differs(right[key][1], found[0][0])

        openvino = import_openvino()
        n = bisect.bisect_left(keys, True, key=wrong)
        return keys[n][0] if n < len(keys) else None


def _differs(
    expected: np.ndarray, found: np.ndarray, tolerance: float = TOLERANCE, floor: float = 0.0
) -> bool:
    if found.shape != expected.shape:
        return True
    return relative_difference(expected, found, floor) > tolerance


def _numbered(names: list[str]) -> list[tuple[str, int]]:
    """Each name with the number of times it has been there before."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append((name, seen[name]))
        seen[name] += 1
    return keys
