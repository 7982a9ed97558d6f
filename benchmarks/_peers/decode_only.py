"""How fast the files alone can be read, decoded and resized, with a thread for each core."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .contender import Contender, Job
from .decoders import Decoder, batches, decoder_axes
from .ours import embedder


class Peers(Contender):
    """The decoders that the peers may choose from."""

    @staticmethod
    def axes(job: Job) -> dict[str, list[Any]]:
        return decoder_axes(job)

    def files(self, paths: list[str]) -> np.ndarray:
        if "torch" in self.setting["decoder"]:
            from .torch_network import import_torch

            import_torch(1)  # a thread for each image is enough
        decoder = Decoder(self.job, self.setting["decoder"])
        parts = batches(paths, decoder, 32, self.job.threads)
        return np.concatenate([_summary(batch) for batch in parts])


class Ours(Contender):
    """The runner's own steps, from the path to the pixels."""

    def __init__(self, job: Job, setting: dict[str, Any]):
        super().__init__(job, setting)
        from skembed.images import Limits

        self._spec, self._limits = embedder(job)._spec(), Limits.from_config()

    def files(self, paths: list[str]) -> np.ndarray:
        from skembed.extraction._prefetch import prefetch
        from skembed.formats._pixels import pixels_for
        from skembed.images import read

        def pixels(path: str) -> np.ndarray:
            raw = read(path)
            raw.digest()
            return _summary(
                pixels_for(
                    self._spec.backbone,
                    self._spec.resize,
                    self._spec.decoding,
                    raw,
                    self._limits,
                )[None]
            )

        with ThreadPoolExecutor(self.job.threads) as pool:
            return np.concatenate(list(prefetch(pool, pixels, paths, 96)))


def _summary(pixels: np.ndarray) -> np.ndarray:
    """Something finite and cheap that tells images apart: a few pixels of each."""
    return pixels[:, ::56, ::56].reshape(len(pixels), -1).astype(np.float32)
