"""The comparison of a graph with Keras: it gives the same for a few photographs, or is not used.

A layer may be written down otherwise than Keras computes it, by a fault in Keras' OpenVINO backend,
in OpenVINO, or in our exporter. No list of such layers is complete; so each graph is compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path

import numpy as np

from ...formats._network import NetworkSpec
from .._engine import TransientError
from ._layers import first_difference
from ._reference import TOLERANCE, Reference, cosine, relative_difference
from ._runtime import compiled, core, device, outputs_of

# Of a map's largest value: an average that cancels out holds nothing but rounding.
_CANCELLED = 2e-6
_PREFIX = "proof-"  # of files; earlier versions made some
_LEAST_COSINE = 0.999  # in bfloat16


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What comparing a graph has shown, at one precision and on one kind of processor.

    Parameters
    ----------
    reason : str
        Why the graph is not to be used; empty if it gives Keras' numbers.
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


def verdict(spec: NetworkSpec, folder: Path) -> Verdict | None:
    """Return what is known of the graph in `folder`; None where it is still to be compared."""
    found = None
    for precision in _precisions(spec):
        found = Verdict.kept(folder, precision)
        if found is None or found.reason:
            break
    return found


def is_intact(folder: Path) -> bool:
    """Whether the graph in `folder` was compared, at any precision and on any processor."""
    verdicts = [Verdict.read(file) for file in folder.glob(f"{_PREFIX}*.json")]
    with contextlib.suppress(OSError):
        digest = _digest(folder)
        return any(known is not None and known.graph == digest for known in verdicts)
    return False


def compare(spec: NetworkSpec, folder: Path, reference: Reference) -> None:
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


def _precisions(spec: NetworkSpec) -> list[str]:
    """A graph that is not right in float32 is not right in bfloat16."""
    return list(dict.fromkeys(("float32", spec.precision)))


def _file(folder: Path, precision: str) -> Path:
    # Other processors have other kernels.
    kind = hashlib.sha256(device().encode()).hexdigest()[:12]
    return folder / f"{_PREFIX}{precision}-{kind}.json"


def _digest(folder: Path) -> str:
    """Of the graph's structure, and the size of its weights: hundreds of megabytes."""
    structure = hashlib.sha256((folder / "network.xml").read_bytes()).hexdigest()
    return f"{structure} {(folder / 'network.bin').stat().st_size}"


def _difference(spec: NetworkSpec, file: Path, reference: Reference) -> str:
    """Why the graph is not to be used; empty where it gives Keras' numbers."""
    program = compiled(core().read_model(file), spec.precision)
    rows = np.concatenate([outputs_of(program, image)[0] for image in reference.images])
    if rows.shape != reference.rows.shape:
        return f"its rows have {rows.shape[1]} values, and Keras' {reference.rows.shape[1]}"
    compare = _coarse if spec.precision == "bfloat16" else _exact
    return compare(spec, rows, reference)


def _exact(spec: NetworkSpec, rows: np.ndarray, reference: Reference) -> str:
    """Why the rows are not Keras', up to rounding; empty where they are."""
    taps = list(spec.layer_slices.items())
    excess = [
        _excess(reference.rows[:, columns], rows[:, columns], reference, i)
        for i, (_, columns) in enumerate(taps)
    ]
    worst, columns = taps[int(np.argmax(excess))]
    differs = max(excess) > 1
    if not differs and not _tells_nothing(spec, reference):
        return ""
    try:
        layer = first_difference(spec, reference)
    except (MemoryError, RuntimeError, OSError) as error:
        if not differs:
            reason = (
                f"its output is always the same, and its layers cannot be compared ({error})"
            )
            raise TransientError(reason) from error
        layer = None
    if layer is None and not differs:
        return ""
    off = relative_difference(reference.rows[:, columns], rows[:, columns])
    how = f" ({worst!r} is off by {off:.1g} of its largest value)" if differs else ""
    return f"its numbers are not Keras', from the layer {layer or worst!r} on{how}"


def _excess(expected: np.ndarray, found: np.ndarray, reference: Reference, tap: int) -> float:
    """The largest difference of a tap's columns, in units of what rounding may do."""
    largest = reference.largest[:, tap]
    flat = reference.flat
    of_flat = relative_difference(expected[flat], found[flat], floor=float(largest.max()))
    return max(
        of_flat / reference.tolerance(len(expected) - 1),
        *(
            relative_difference(
                expected[group],
                found[group],
                floor=float(largest[group].max()) * _CANCELLED / TOLERANCE,
            )
            / reference.tolerance(group.start or 0)
            for group in reference.groups
        ),
    )


def _tells_nothing(spec: NetworkSpec, reference: Reference) -> bool:
    """Whether a tap is the same for every image: dead, saturated, or NaN.

    Then it would be the same whatever the layers before it did, and these are to be compared.
    """
    return any(
        np.array_equal(rows, np.broadcast_to(rows[:1], rows.shape), equal_nan=True)
        for rows in (
            reference.rows[reference.varied, columns] for columns in spec.layer_slices.values()
        )
    )


def _coarse(spec: NetworkSpec, rows: np.ndarray, reference: Reference) -> str:
    """Why the rows of bfloat16 are not those of float32, rounded; empty where they are."""
    near = {
        label: min(
            cosine(reference.rows[group, columns], rows[group, columns])
            for group in reference.groups
        )
        for label, columns in spec.layer_slices.items()
    }
    worst = min(near, key=lambda label: near[label])
    if near[worst] >= _LEAST_COSINE:
        return ""
    return (
        f"in bfloat16 its layer {worst!r} has a cosine of {near[worst]:.4f} to float32, and "
        f"{_LEAST_COSINE} is asked for (in float32 it gives Keras' numbers)"
    )
