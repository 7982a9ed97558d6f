"""timm behind a torch DataLoader, as strong as it gets on a CPU.

channels_last, inference mode; bfloat16 by casting the network or by autocast; run as it is,
as TorchScript frozen and optimised, or compiled by Inductor with frozen weights. Batches
travel as uint8 and are normalised once, in the main process.
"""

from __future__ import annotations

import os
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
        self._torch = torch = import_torch(job.threads)
        self._batch = setting["batch"]
        self._autocast = setting.get("bfloat16") == "autocast"
        self._loader: Any = None
        model = prepared(job, build(job).to(memory_format=torch.channels_last))
        if setting.get("bfloat16") == "cast":
            model = model.to(torch.bfloat16)
        with torch.inference_mode():
            self._model = self._strengthened(model)

    @staticmethod
    def axes(job: Job) -> dict[str, list[Any]]:
        axes: dict[str, list[Any]] = {
            "batch": [16, 8, 32],
            "run": ["eager", "script", "compile"],
        }
        if job.precision == "bfloat16":
            axes["bfloat16"] = ["cast", "autocast"]
        if job.from_files:
            axes |= {"workers": [2, 1, 0], **decoder_axes(job)}
        return axes

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
        if self._loader is None or self._loader.dataset.paths != paths:
            workers = self.setting["workers"]
            decoder = Decoder(self.job, self.setting["decoder"])
            self._loader = self._torch.utils.data.DataLoader(
                Files(paths, decoder),
                batch_size=self._batch,
                num_workers=workers,
                persistent_workers=workers > 0,
            )
        return self._loader

    def close(self) -> None:
        self._loader = None


class Files:
    """A map-style data set."""

    def __init__(self, paths: list[str], decoder: Decoder):
        self.paths, self._decoder = paths, decoder

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> np.ndarray:
        return self._decoder(self.paths[i])
