"""The proof of a graph: it gives Keras' numbers for a few photographs, or is not used.

A layer may be written down otherwise than Keras computes it, by a fault in Keras' OpenVINO backend,
in OpenVINO, or in our exporter. No list of such layers is complete; so each graph is compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .._spec import ExtractionSpec
from ._openvino_door import core, device
from ._openvino_process import save_network, write_graph
from ._openvino_reference import Reference, layer_outputs
from ._openvino_runtime import compiled, outputs_of
from ._taps import tapped

# What float32 rounding may do, of a tap's largest absolute value; a graph that is written down
# right stays below a tenth of it.
_TOLERANCE = 1e-4
# And of the map's largest value: an average that cancels out holds nothing but rounding.
_CANCELLED = 2e-6
_PROOF = "proof-"
_LEAST_COSINE = 0.999  # in bfloat16
# Rounding to bfloat16 alone takes some networks below it, on JAX as well (MobileNetV2 to 0.994).
# They may be this many times as far from float32 as JAX is.
_AS_FAR_AS_JAX = 4.0


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What comparing a graph has shown, at one precision and on one kind of processor.

    Parameters
    ----------
    reason : str
        Why the graph is not to be used; empty if it is proved.
    graph : str
        The digest of the graph that was compared; empty if it is refused, and deleted.
    """

    reason: str
    graph: str = ""

    @classmethod
    def read(cls, file: Path) -> Verdict | None:
        """Read it; None where there is none that is whole."""
        try:
            return cls(**json.loads(file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @classmethod
    def kept(cls, folder: Path, precision: str) -> Verdict | None:
        """The verdict on the graph in `folder` on this processor; None where there is none."""
        with contextlib.suppress(OSError):
            verdict = cls.read(_file(folder, precision))
            if verdict and (verdict.reason or verdict.graph == _digest(folder)):
                return verdict
        return None

    def keep(self, folder: Path, precision: str) -> None:
        """Write it, whole or not at all."""
        file = _file(folder, precision)
        part = file.with_name(f"{file.name}-{os.getpid()}")
        part.write_text(json.dumps(dataclasses.asdict(self)))
        part.replace(file)


def verdict(spec: ExtractionSpec, folder: Path) -> Verdict | None:
    """Return what is known of the graph in `folder`; None where it is still to be compared."""
    found = None
    for precision in _precisions(spec):
        found = Verdict.kept(folder, precision)
        if found is None or found.reason:
            break
    return found


def is_intact(folder: Path) -> bool:
    """Whether the graph in `folder` is one that was proved, at whatever precision and wherever."""
    proofs = [Verdict.read(file) for file in folder.glob(f"{_PROOF}*.json")]
    with contextlib.suppress(OSError):
        digest = _digest(folder)
        return any(proof is not None and proof.graph == digest for proof in proofs)
    return False


def prove(spec: ExtractionSpec, folder: Path, reference: Reference) -> None:
    """Compare the graph in `folder` at the precision of `spec`, and keep the verdict beside it.

    Raises
    ------
    UnsupportedNetworkError
        If OpenVINO cannot run the graph.
    """
    for precision in _precisions(spec):
        if Verdict.kept(folder, precision) is None:
            at = dataclasses.replace(spec, precision=precision)
            reason = _difference(at, folder / "network.xml", reference)
            Verdict(reason, "" if reason else _digest(folder)).keep(folder, precision)
            if reason:
                return


def _precisions(spec: ExtractionSpec) -> list[str]:
    """A graph that is not right in float32 is not right in bfloat16."""
    return list(dict.fromkeys(("float32", spec.precision)))


def _file(folder: Path, precision: str) -> Path:
    # Other processors have other kernels.
    kind = hashlib.sha256(device().encode()).hexdigest()[:12]
    return folder / f"{_PROOF}{precision}-{kind}.json"


def _digest(folder: Path) -> str:
    """Of the graph's structure, and the size of its weights: hundreds of megabytes."""
    structure = hashlib.sha256((folder / "network.xml").read_bytes()).hexdigest()
    return f"{structure} {(folder / 'network.bin').stat().st_size}"


def _difference(spec: ExtractionSpec, file: Path, reference: Reference) -> str:
    """Why the graph is not to be used; empty where it gives Keras' numbers."""
    program = compiled(core().read_model(file), spec.precision)
    rows = np.concatenate([outputs_of(program, image)[0] for image in reference.images])
    if rows.shape != reference.rows.shape:
        return f"its rows have {rows.shape[1]} values, and Keras' {reference.rows.shape[1]}"
    if spec.precision == "bfloat16":
        return _coarse(spec, rows, reference)
    off = {
        label: _off(reference.rows[:, columns], rows[:, columns], reference, i)
        for i, (label, columns) in enumerate(spec.layer_slices.items())
    }
    label = max(off, key=lambda label: off[label])
    if off[label] <= _TOLERANCE and not _tells_nothing(spec, reference):
        return ""
    layer = _first_difference(spec, reference)
    if layer is None and off[label] <= _TOLERANCE:
        return ""
    return (
        f"its numbers are not Keras', from the layer {layer or label!r} on "
        f"({label!r} is off by {off[label]:.1g} of its largest value)"
    )


def _off(expected: np.ndarray, found: np.ndarray, reference: Reference, tap: int) -> float:
    """The largest difference of a tap's columns, relative to its largest value."""
    return max(
        relative_difference(
            expected[group],
            found[group],
            floor=float(reference.largest[group, tap].max()) * _CANCELLED / _TOLERANCE,
        )
        for group in reference.groups
    )


def relative_difference(expected: np.ndarray, found: np.ndarray, floor: float = 0.0) -> float:
    """The largest difference, relative to the largest expected value, or `floor` if that is more.

    Where both are NaN, or the same infinity, they agree; where one of them is, the difference is
    infinite.
    """
    expected, found = expected.astype(np.float64), found.astype(np.float64)
    apart = ~((expected == found) | (np.isnan(expected) & np.isnan(found)))
    if not apart.any():
        return 0.0
    if not (np.isfinite(expected[apart]).all() and np.isfinite(found[apart]).all()):
        return np.inf
    largest = np.abs(expected).max(where=np.isfinite(expected), initial=floor)
    least = float(np.finfo(np.float32).tiny) / _TOLERANCE
    return float(np.abs(expected - found)[apart].max() / max(largest, least))


def _tells_nothing(spec: ExtractionSpec, reference: Reference) -> bool:
    """Whether a tap is the same for every image: dead, saturated, or NaN.

    Then it would be the same whatever the layers before it did, and these are to be compared.
    """
    return any(
        np.array_equal(rows, np.broadcast_to(rows[:1], rows.shape), equal_nan=True)
        for rows in (reference.rows[:, columns] for columns in spec.layer_slices.values())
    )


def _first_difference(spec: ExtractionSpec, reference: Reference) -> str | None:
    """The layer where the network begins to differ, in its order; None where no layer does."""
    model = tapped(spec)
    with tempfile.TemporaryDirectory(prefix="skembed-") as place:
        folder = Path(place)
        save_network(spec, model, folder)
        write_graph(folder, "layers")
        program = compiled(core().read_model(folder / "layers.xml"), "float32")
        names = _numbered(json.loads((folder / "layers.json").read_text()))
        first: list[int] = []
        labels: list[str] = []
        for image, layers in zip(
            reference.images, layer_outputs(spec, model, reference.images), strict=True
        ):
            found = dict(zip(names, outputs_of(program, image), strict=True))
            labels = [name for name, _ in layers]
            first += _differing(layers, found)[:1]
        return labels[min(first)] if first else None


def _differing(layers: list[tuple[str, np.ndarray]], found: dict[Any, np.ndarray]) -> list[int]:
    """The places of the layers whose output is another, as far as both have it."""
    keys = _numbered([name for name, _ in layers])
    return [
        i
        for i, (key, (_, expected)) in enumerate(zip(keys, layers, strict=True))
        if key in found
        and (
            found[key].shape[1:] != expected.shape
            or relative_difference(expected, found[key][0]) > _TOLERANCE
        )
    ]


def _numbered(names: list[str]) -> list[tuple[str, int]]:
    """Each name with the number of times it has been there before."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append((name, seen[name]))
        seen[name] += 1
    return keys


def _coarse(spec: ExtractionSpec, rows: np.ndarray, reference: Reference) -> str:
    """Why the rows of bfloat16 are not those of float32, rounded; empty where they are."""
    far = {
        label: 1 - cosine
        for label, cosine in _cosines(spec, rows, reference)
        if cosine < _LEAST_COSINE
    }
    if not far:
        return ""
    from ._jax import JaxProgram

    jax = JaxProgram(dataclasses.replace(spec, engine="jax"))
    images = reference.images
    batch = np.concatenate(
        [images, np.zeros((8 - len(images), *images.shape[1:]), images.dtype)]
    )
    theirs = jax.start(batch)()[: len(images)]
    for label, cosine in _cosines(spec, theirs, reference):
        if label in far and far[label] > max(1 - _LEAST_COSINE, _AS_FAR_AS_JAX * (1 - cosine)):
            return (
                f"in bfloat16 its layer {label!r} has a cosine of {1 - far[label]:.4f} to "
                f"float32, and on JAX one of {cosine:.4f}"
            )
    return ""


def _cosines(
    spec: ExtractionSpec, rows: np.ndarray, reference: Reference
) -> Iterator[tuple[str, float]]:
    for label, columns in spec.layer_slices.items():
        yield (
            label,
            min(
                _cosine(reference.rows[group, columns], rows[group, columns])
                for group in reference.groups
            ),
        )


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the values that are finite in both; -1 where others disagree."""
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return -1.0
    a, b = a[finite], b[finite]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else float(np.array_equal(a, b))
