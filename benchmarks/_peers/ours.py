"""skembed through its public estimator; its program alone for the network-only part."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .contender import Contender, Job, NotThere


class Skembed(Contender):
    def __init__(self, job: Job, setting: dict[str, Any]):
        super().__init__(job, setting)
        self._embedder = embedder(job)

    def prepare(self, images: np.ndarray) -> list[np.ndarray]:
        from skembed.extraction._programs import program

        spec = self._embedder._spec()
        self._program = program(spec)
        self._batching = spec.engine.batching("auto")
        return list(images)

    def network(self, prepared: list[np.ndarray]) -> np.ndarray:
        from skembed.extraction._batches import run

        return np.concatenate(list(run(self._program, prepared, self._batching)))

    def files(self, paths: list[str]) -> np.ndarray:
        return self._embedder.transform(paths)

    def detail(self) -> str:
        return f"engine {self._embedder.engine_}"


def embedder(job: Job) -> Any:
    """The estimator, without its store; NotThere where a parameter is not known yet."""
    from skembed import PretrainedEmbedder
    from skembed.images._resample import kernels

    kernels.load()  # as a process does by itself when it has resized some hundred photographs
    # "Random weights have no meaning": here only their speed counts.
    warnings.filterwarnings("ignore", message="weights=None")
    given = {"decoding": job.decoding} if job.decoding != "exact" else {}
    try:
        made = PretrainedEmbedder(
            job.network.name,
            weights=None,
            precision=job.precision,
            engine=job.options.get("engine", "auto"),
            cache=False,
            progress=False,
            **given,
        )
        made._validate_params()
        made._spec()
    except (TypeError, ValueError, ImportError) as error:
        raise NotThere(str(error).split("\n")[0]) from error
    return made
