"""ONNX Runtime on timm's network, exported channels-first with everything foldable folded."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from .contender import Contender, Job, NotThere
from .decoders import Decoder, batches, decoder_axes, in_flight
from .networks import SIZE
from .torch_network import build, import_torch, prepared


class OnnxRuntime(Contender):
    def __init__(self, job: Job, setting: dict[str, Any]):
        super().__init__(job, setting)
        try:
            import onnxruntime
        except ImportError as error:
            raise NotThere("onnxruntime is not installed") from error
        self._calls = setting["calls"]
        self._batch = setting["batch"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max(1, job.threads // self._calls)
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self._session = onnxruntime.InferenceSession(
            exported(job), options, providers=["CPUExecutionProvider"]
        )

    @staticmethod
    def axes(job: Job) -> dict[str, list[Any]]:
        # Either one call with every core, or one call for each core.
        flows = [(8, 1), (1, job.threads), (8, job.threads), (16, 1), (1, 1)]
        flow = [{"batch": batch, "calls": calls} for batch, calls in flows]
        return {"flow": flow} | decoder_axes(job)

    def prepare(self, images: np.ndarray) -> list[np.ndarray]:
        n = self._batch
        x = images
        if not self.job.from_files:
            mean, std = np.float32(self.job.network.mean), np.float32(self.job.network.std)
            x = np.ascontiguousarray(((images - mean) / std).transpose(0, 3, 1, 2))
        return [x[i : i + n] for i in range(0, len(x), n)]

    def network(self, prepared: Iterable[np.ndarray]) -> np.ndarray:
        def run(batch):
            return self._session.run(None, {"images": batch})[0]

        if self._calls == 1:
            return np.concatenate([run(batch) for batch in prepared])
        with ThreadPoolExecutor(self._calls) as pool:
            return np.concatenate(list(in_flight(pool, run, prepared, self._calls + 1)))

    def files(self, paths: list[str]) -> np.ndarray:
        decoder = Decoder(self.job, self.setting["decoder"])
        return self.network(batches(paths, decoder, self._batch, self.job.threads))


def exported(job: Job) -> str:
    """The path of the graph: of prepared floats, or of uint8 with the preparation inside."""
    path = Path(
        job.scratch, f"{job.network.name}-{'uint8' if job.from_files else 'float'}.onnx"
    )
    if path.exists():
        return str(path)
    torch = import_torch(job.threads)
    model = build(job)
    example = torch.zeros(2, 3, SIZE, SIZE)
    if job.from_files:
        model = prepared(job, model)
        example = torch.zeros((2, SIZE, SIZE, 3), dtype=torch.uint8)
    half = path.with_suffix(f".{id(path)}")
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                model,
                (example,),
                str(half),
                input_names=["images"],
                output_names=["rows"],
                dynamic_axes={"images": {0: "n"}, "rows": {0: "n"}},
                dynamo=False,
            )
        except ImportError as error:
            raise NotThere(f"torch cannot export ({error})") from error
    half.replace(path)
    return str(path)
