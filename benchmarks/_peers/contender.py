"""What a contender is, and who takes part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .networks import Network

NETWORK_ONLY, SMALL, LARGE = "network only", "500 x 375", "2000 x 1500"
PARTS = (NETWORK_ONLY, SMALL, LARGE)
# Settings that are looked at while files are read, and not while the network is built.
READING = frozenset({"decoder", "workers", "threads"})


class NotThere(Exception):  # noqa: N818 - not an error: the table has a row less
    """What a contender needs is not installed, or not written yet."""


@dataclass(frozen=True)
class Job:
    """What one process is to do."""

    network: Network
    part: str
    precision: str
    decoding: str
    threads: int
    scratch: str
    options: dict[str, Any]

    @property
    def from_files(self) -> bool:
        return self.part != NETWORK_ONLY


class Contender:
    """A network, built and warm; subclasses say how.

    Parameters
    ----------
    job : Job
        What to do.
    setting : dict
        One value for each of `axes`.
    """

    def __init__(self, job: Job, setting: dict[str, Any]):
        self.job, self.setting = job, setting

    @staticmethod
    def axes(job: Job) -> dict[str, list[Any]]:
        """What is worth trying here: the values of each setting, the likeliest first.

        Settings that depend on each other are one axis, whose values are dicts of them.
        """
        return {}

    def take(self, setting: dict[str, Any]) -> bool:
        """Go on with another setting, unless that takes another network."""
        differs = {name for name in setting if setting[name] != self.setting[name]}
        if differs <= READING:
            self.setting = setting
        return differs <= READING

    def prepare(self, images: np.ndarray) -> Any:
        """Put uint8 images (n, 224, 224, 3) into the form the network takes; not timed."""
        raise NotImplementedError

    def network(self, prepared: Any) -> np.ndarray:
        """Return a row for each image prepared."""
        raise NotImplementedError

    def files(self, paths: list[str]) -> np.ndarray:
        """Return a row for each JPEG."""
        raise NotImplementedError

    def detail(self) -> str:
        """What else the table should say of how it ran."""
        return ""

    def close(self) -> None:
        """End workers."""


@dataclass(frozen=True)
class Entry:
    """A line of the tables: who, at which precision, taking part where.

    `kind` is "ours", "peer", "bare" (the bare engine: shown, and no peer) or "ceiling".
    """

    name: str
    source: str  # "module:class"
    kind: str
    precision: str = "float32"
    decoding: str = "exact"
    options: tuple[tuple[str, Any], ...] = ()
    parts: tuple[str, ...] = PARTS
    networks: tuple[str, ...] = ()  # all

    @property
    def key(self) -> str:
        return ", ".join((self.name, self.precision, self.decoding))


_FILES = (SMALL, LARGE)
_BF16 = "bfloat16"
_TIMM = "timm_loader:TimmLoader"


def _ours(
    engine: str, precision: str = "float32", decoding: str = "exact", parts=PARTS
) -> Entry:
    return Entry(
        f"skembed {engine}",
        "ours:Skembed",
        "ours",
        precision,
        decoding,
        (("engine", engine),),
        parts,
    )


ENTRIES = (
    _ours("jax"),
    _ours("openvino"),
    _ours("openvino", _BF16),
    _ours("auto", parts=_FILES),
    _ours("auto", decoding="scaled", parts=(LARGE,)),
    _ours("openvino", _BF16, "scaled", (LARGE,)),
    Entry("Keras predict", "keras_predict:KerasPredict", "peer"),
    Entry("timm + DataLoader", _TIMM, "peer"),
    Entry("timm + DataLoader", _TIMM, "peer", _BF16),
    Entry("timm + DataLoader", _TIMM, "peer", decoding="scaled", parts=(LARGE,)),
    Entry("timm + DataLoader", _TIMM, "peer", _BF16, "scaled", parts=(LARGE,)),
    Entry("ONNX Runtime", "onnx_runtime:OnnxRuntime", "peer"),
    Entry("ONNX Runtime", "onnx_runtime:OnnxRuntime", "peer", decoding="scaled", parts=(LARGE,)),
    Entry("embetter", "loops:Embetter", "peer"),
    Entry("img2vec", "loops:Img2Vec", "peer", networks=("resnet50",)),
    Entry("OpenVINO, bare", "openvino_bare:OpenvinoBare", "bare"),
    Entry("OpenVINO, bare", "openvino_bare:OpenvinoBare", "bare", _BF16),
    Entry("decoding, skembed", "decode_only:Ours", "ceiling", parts=_FILES),
    Entry("decoding, skembed", "decode_only:Ours", "ceiling", decoding="scaled", parts=(LARGE,)),
    Entry("decoding, peers", "decode_only:Peers", "ceiling", parts=_FILES),
    Entry("decoding, peers", "decode_only:Peers", "ceiling", decoding="scaled", parts=(LARGE,)),
)  # fmt: skip
