"""Whether ``engine="auto"`` gives what ``predict`` gives: ``python benchmarks/engines_agree.py``.

Every layer of Keras that takes images, with varied arguments, in a small network; networks such as
people build; and those of ``keras.applications``, at random weights. Each is embedded by OpenVINO
through the public API, and compared with ``model.predict`` on noise, a photograph, a gradient, a
step and one colour. A line each: the engine that ran it, the largest difference relative to the
largest value, and why OpenVINO was refused. Several layers side by side are one network, and where
that is refused two, and so on. It ends with 1 if a difference is more than rounding.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_TOLERANCE = 1e-4
_APPLICATION_SIZE = 96
_TOGETHER = 24


@dataclass(frozen=True)
class _Outcome:
    kind: str
    name: str
    engine: str
    off: float
    seconds: float
    reason: str

    def __str__(self) -> str:
        wrong = "" if self.off <= _TOLERANCE else "WRONG "
        return (
            f"| {self.kind} | {self.name} | {self.engine} | {wrong}{self.off:.1e} | "
            f"{self.seconds:.1f} | {self.reason} |"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="*", default=["layer", "model", "application"])
    parser.add_argument("--only", default="", help="a part of the name")
    arguments = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "jax"
    outcomes = []
    print(
        "| kind | name | engine | off by | s | refused |\n| --- | --- | --- | ---: | ---: | --- |"
    )
    with tempfile.TemporaryDirectory() as cache:
        os.environ["SKEMBED_CACHE_DIR"] = cache
        for kind, cases in _CASES.items():
            for outcome in cases(arguments.only) if kind in arguments.kinds else ():
                outcomes.append(outcome)
                print(outcome, flush=True)
    _summarise(outcomes)
    return 1 if any(not outcome.off <= _TOLERANCE for outcome in outcomes) else 0


def _layers(part: str) -> Iterator[_Outcome]:
    from _networks.layers import joined, layer_cases, untried

    if left := untried():
        print(f"Layers that nobody has thought of: {sorted(left)}", file=sys.stderr)
    branches = {}
    for name, choices in layer_cases():
        for said, branch in choices.items() if part in name else ():
            label = f"{name}({said})" if said else name
            try:
                joined({label: branch})
                branches[label] = branch
            except ValueError as error:
                yield _Outcome(
                    "layer", label, "none", 0.0, 0.0, f"Keras does not build {error}"
                )
    labels = list(branches)
    for start in range(0, len(labels), _TOGETHER):
        some = labels[start : start + _TOGETHER]
        yield from _layers_together({label: branches[label] for label in some})


def _layers_together(branches: dict[str, Any]) -> Iterator[_Outcome]:
    """All in one network; where OpenVINO is refused, in two halves, to find the layer."""
    from _networks.layers import joined

    labels = list(branches)
    try:
        network, columns = joined(branches)
        outcomes = _compare("layer", labels, network, columns)
    except ValueError as error:  # another shape than Keras said it would be
        outcomes = [
            _Outcome("layer", labels[0], "none", 0.0, 0.0, f"not run by Keras: {error}")
        ]
    if outcomes[0].reason and len(labels) > 1:
        half = len(labels) // 2
        for some in (labels[:half], labels[half:]):
            yield from _layers_together({label: branches[label] for label in some})
    else:
        yield from outcomes


def _models(part: str) -> Iterator[_Outcome]:
    import keras
    from _networks.models import own_models

    for name, build in own_models():
        if part in name:
            keras.utils.set_random_seed(0)
            yield from _compare("model", [name], build())
            keras.backend.clear_session()


def _applications(part: str) -> Iterator[_Outcome]:
    from skembed import backbones

    for name in backbones.names():
        if part in name:
            yield from _compare("application", [name], name)


_CASES = {"layer": _layers, "model": _models, "application": _applications}


def _compare(
    kind: str, names: list[str], network: Any, columns: dict[str, slice] | None = None
) -> list[_Outcome]:
    from skembed import PretrainedEmbedder
    from skembed.extraction import clear_programs

    start = time.perf_counter()
    options: dict[str, Any] = (
        {"weights": None, "image_size": _APPLICATION_SIZE, "resize": "warp"}
        if isinstance(network, str)
        else {}
    )
    embedder = PretrainedEmbedder(
        network, engine="openvino", cache=False, progress=False, **options
    )
    images = _images(_shape(network))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        rows = embedder.transform(images)
    said = " ".join(str(w.message) for w in told if "OpenVINO" in str(w.message))
    reason = said.partition(": ")[2].partition(". JAX runs")[0]
    expected = _expected(network, images, embedder)
    engine = embedder.engine_
    clear_programs()
    seconds = (time.perf_counter() - start) / len(names)
    those = columns or {names[0]: slice(None)}
    return [
        _Outcome(kind, name, engine, _off(rows[:, c], expected[:, c]), seconds, reason)
        for name, c in those.items()
    ]


def _shape(network: Any) -> tuple[int, ...]:
    if isinstance(network, str):
        return (_APPLICATION_SIZE, _APPLICATION_SIZE, 3)
    return tuple(network.inputs[0].shape[1:])


def _images(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Noise, a photograph, a gradient, a step, and one colour."""
    from PIL import Image
    from skimage import data

    height, width, _ = shape
    generator = np.random.default_rng(1)
    photograph = np.asarray(Image.fromarray(data.astronaut()).resize((width, height)))
    gradient = np.linspace(0, 255, height * width * 3).reshape(shape)
    step = np.where(np.arange(width)[None, :, None] < width // 3, 30, 220) * np.ones(shape)
    return [
        generator.integers(0, 256, shape, dtype=np.uint8),
        photograph,
        gradient.astype(np.uint8),
        step.astype(np.uint8),
        np.full(shape, (200, 90, 30), np.uint8),
    ]


def _expected(network: Any, images: list[np.ndarray], embedder: Any) -> np.ndarray:
    if isinstance(network, str):  # its own preparation, then the network as Keras builds it
        from skembed.formats._pixels import normalized
        from skembed.formats.keras._layers import tapped

        spec = embedder._spec().network
        x = np.stack([normalized(spec.backbone, image) for image in images])
        rows = tapped(spec).predict(x, verbose=0)
    else:
        rows = network.predict(np.stack(images).astype(np.float32), verbose=0)
    return rows.mean(tuple(range(1, rows.ndim - 1))) if rows.ndim > 2 else rows


def _off(found: np.ndarray, expected: np.ndarray) -> float:
    from skembed.engines.openvino._reference import relative_difference

    return relative_difference(expected, found)


def _summarise(outcomes: list[_Outcome]) -> None:
    print()
    for kind in dict.fromkeys(outcome.kind for outcome in outcomes):
        those = [outcome for outcome in outcomes if outcome.kind == kind]
        ran = [outcome for outcome in those if outcome.engine == "openvino"]
        worst = max(those, key=lambda outcome: outcome.off)
        refused = sum(bool(outcome.reason) for outcome in those)
        print(
            f"{kind}: {len(those)} tried, {len(ran)} on OpenVINO, {refused} refused; the largest "
            f"difference is {worst.off:.1e} ({worst.name})"
        )


if __name__ == "__main__":
    sys.exit(main())
