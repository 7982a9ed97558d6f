"""timm behind a torch DataLoader, as strong as it gets on a CPU.

channels_last, inference mode; bfloat16 by casting the network or by autocast; run as it is,
as TorchScript frozen and optimised, or compiled by Inductor with frozen weights. Batches
travel as uint8 and are normalised once, in the main process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .contender import Contender, Job
from .decoders import Decoder, decoder_axes
from .networks import SIZE
from .torch_network import build, import_torch, prepared


class TimmLoader(Contender):
    def __init__(self, job: Job, setting: dict[str, Any]):
        super().__init__(job, setting)
        # What Inductor compiled while the settings were tried need not be compiled again.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", f"{job.scratch}/inductor")
        self._torch = torch = import_torch(setting.get("threads", job.threads))
        self._batch = setting["batch"]
        self._autocast = setting.get("bfloat16") == "autocast"
        self._loader: Any = None
        self._paths = Paths()
        model = prepared(job, build(job).to(memory_format=torch.channels_last))
        if setting.get("bfloat16") == "cast":
            model = model.to(torch.bfloat16)
        with torch.inference_mode():
            self._model = self._strengthened(model)

    @staticmethod
    def axes(job: Job) -> dict[str, list[Any]]:
        axes: dict[str, list[Any]] = {
            "batch": [8, 16],
            "run": ["eager", "script", "compile"],
        }
        if job.precision == "bfloat16":
            axes = {"bfloat16": ["cast", "autocast"], **axes}
        if job.from_files:
            # Decoding and the network share the cores: fewer threads may leave it more of them.
            axes |= {
                **decoder_axes(job),
                "workers": list(dict.fromkeys([job.threads, 2, 1, 0])),
                "threads": list(dict.fromkeys([job.threads, max(1, job.threads // 2)])),
            }
        return axes

    def take(self, setting: dict[str, Any]) -> bool:
        if not super().take(setting):
            return False
        self.close()  # its workers are of the setting before
        self._torch.set_num_threads(setting.get("threads", self.job.threads))
        return True

    def _strengthened(self, model: Any) -> Any:
        torch, run = self._torch, self.setting["run"]
        if run == "script":
            example = torch.zeros((self._batch, SIZE, SIZE, 3), dtype=torch.uint8)
            with self._precision(cache=False):
                traced = torch.jit.freeze(torch.jit.trace(model, example))
            if self.job.precision == "float32":  # oneDNN's fusions there are float32's
                traced = torch.jit.optimize_for_inference(traced)
            return traced
        if run == "compile":
            import torch._inductor.config as inductor

            inductor.freezing = True
            return torch.compile(model, dynamic=False)
        return model

    def _precision(self, cache: bool = True) -> Any:
        torch = self._torch
        return torch.autocast(
            "cpu", torch.bfloat16, enabled=self._autocast, cache_enabled=cache
        )

    def prepare(self, images: np.ndarray) -> list[Any]:
        n = self._batch
        return [self._torch.from_numpy(images[i : i + n]) for i in range(0, len(images), n)]

    def network(self, prepared: Any) -> np.ndarray:
        with self._torch.inference_mode(), self._precision():
            rows = [self._model(batch).float().numpy() for batch in prepared]
        return np.concatenate(rows)

    def files(self, paths: list[str]) -> np.ndarray:
        return self.network(self._loading(paths))

    def _loading(self, paths: list[str]) -> Any:
        """The loader; its workers stay from pass to pass, so that their start is not timed."""
        self._paths.now = paths
        if self._loader is None:
            workers = self.setting["workers"]
            decoder = Decoder(self.job, self.setting["decoder"])
            self._loader = self._torch.utils.data.DataLoader(
                Files(decoder),
                sampler=self._paths,
                batch_size=self._batch,
                num_workers=workers,
                persistent_workers=workers > 0,
            )
        return self._loader

    def close(self) -> None:
        self._loader = None


class Files:
    """A map-style data set whose keys are paths: its workers serve any list of them."""

    def __init__(self, decoder: Decoder):
        self._decoder = decoder

    def __getitem__(self, path: str) -> np.ndarray:
        return self._decoder(path)


class Paths:
    """The sampler: the keys of this pass."""

    now: Sequence[str] = ()

    def __iter__(self) -> Iterator[str]:
        return iter(self.now)

    def __len__(self) -> int:
        return len(self.now)
