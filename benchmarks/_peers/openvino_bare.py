"""OpenVINO's own API on timm's network: what the engine can do, without a library around it.

Channels-first, the preparation inside the graph, and requests in flight all the time: one image
each in a stream for each core, or batches, or as OpenVINO's own hints say.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .contender import Contender, Job, NotThere
from .decoders import Decoder, batches, decoder_axes
from .networks import SIZE
from .torch_network import build, import_torch


class OpenvinoBare(Contender):
    def __init__(self, job: Job, setting: dict[str, Any]):
        super().__init__(job, setting)
        try:
            import openvino
        except ImportError as error:
            raise NotThere("openvino is not installed") from error
        self._batch = setting["batch"]
        config: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[job.precision],
            "INFERENCE_NUM_THREADS": job.threads,
        }
        if setting["streams"] == "THROUGHPUT":
            config["PERFORMANCE_HINT"] = "THROUGHPUT"
        elif setting["streams"] == "LATENCY":
            config["PERFORMANCE_HINT"] = "LATENCY"
        else:
            config["NUM_STREAMS"] = setting["streams"]
        core = openvino.Core()
        model = core.read_model(_graph(openvino, job))
        model.reshape([self._batch, SIZE, SIZE, 3])
        self._compiled = core.compile_model(model, "CPU", config)
        self._queue = openvino.AsyncInferQueue(self._compiled, setting["requests"])

    @staticmethod
    def axes(job: Job) -> dict[str, list[Any]]:
        n = job.threads
        flows = [  # requests: 0 leaves their number to OpenVINO
            (1, n, 2 * n), (1, n, n), (8, "LATENCY", 0), (8, n, n), (1, "THROUGHPUT", 0),
            (8, "THROUGHPUT", 0), (1, "LATENCY", 0),
        ]  # fmt: skip
        names = ("batch", "streams", "requests")
        flow = [dict(zip(names, one, strict=True)) for one in flows]
        return {"flow": flow} | decoder_axes(job)

    def prepare(self, images: np.ndarray) -> list[np.ndarray]:
        n = self._batch
        return [images[i : i + n] for i in range(0, len(images), n)]

    def network(self, prepared: Iterable[np.ndarray]) -> np.ndarray:
        rows: dict[int, np.ndarray] = {}

        def keep(request: Any, i: int) -> None:
            rows[i] = request.get_output_tensor(0).data.copy()

        self._queue.set_callback(keep)
        for i, batch in enumerate(prepared):
            self._queue.start_async({0: batch}, i)
        self._queue.wait_all()
        return np.concatenate([rows[i] for i in range(len(rows))])

    def files(self, paths: list[str]) -> np.ndarray:
        decoder = Decoder(self.job, self.setting["decoder"])
        return self.network(batches(paths, decoder, self._batch, self.job.threads))

    def detail(self) -> str:
        return f"{self._compiled.get_property('NUM_STREAMS')} streams"


def _graph(openvino: Any, job: Job) -> str:
    """The path of the graph, uint8 (n, h, w, channels) in: made once, and read without torch."""
    path = Path(job.scratch, f"{job.network.name}-openvino.xml")
    if path.exists():
        return str(path)
    torch = import_torch(job.threads)
    with torch.inference_mode():
        example = torch.zeros(2, 3, SIZE, SIZE)
        model = openvino.convert_model(
            build(job), example_input=example, input=[-1, 3, SIZE, SIZE]
        )
    steps = openvino.preprocess.PrePostProcessor(model)
    images = steps.input()
    images.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    images.model().set_layout(openvino.Layout("NCHW"))
    prepare = images.preprocess().convert_element_type(openvino.Type.f32)
    prepare.mean(list(job.network.mean)).scale(list(job.network.std))
    steps.output().tensor().set_element_type(openvino.Type.f32)
    openvino.save_model(steps.build(), path, compress_to_fp16=False)
    return str(path)
