"""The program rewritten for a CPU against the plain one: ``python benchmarks/cpu_lowering.py``.

Network only, in turn in one process. Given are medians over the rounds of the processor time an
image, which other programs on the machine disturb little, and the best round's images/s.
``--torch`` adds the same network in PyTorch (torch and timm installed): random weights, inference
mode, channels last, as it comes and traced and frozen, on one thread, for idle threads of its
pool would spin and be counted. So compare its processor time, not its images/s.
``--unnormalised`` adds the rewritten program without any batch normalisation, whose results are
wrong: folding it into the weights cannot gain more than that.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from skembed.engines.jax import _program as _jax
from skembed.extraction._spec import make_spec

NETWORKS = {  # weights, timm's name
    "efficientnet_lite0": ("imagenet", "tf_efficientnet_lite0"),
    "mobilenet_v2": (None, "mobilenetv2_100"),
    "efficientnetv2_b0": (None, "tf_efficientnetv2_b0"),
    "resnet50": (None, "resnet50"),
    "vgg16": (None, "vgg16"),
}
Run = Callable[[np.ndarray], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--torch", action="store_true", help="time PyTorch as well")
    parser.add_argument(
        "--unnormalised", action="store_true", help="time it without normalisation, too"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| network | program | compile, s | temporaries, MB | ms an image | images/s |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for network in options.networks:
        weights, peer = NETWORKS[network]
        spec = make_spec(network, weights=weights).network
        shape = (options.batch, *spec.backbone.input_size, 3)
        images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        programs = {"plain": plain(spec), "rewritten": _jax.JaxProgram(spec)}
        facts = {name: compiled(program, images) for name, program in programs.items()}
        if options.unnormalised:
            programs["rewritten, unnormalised"] = unnormalised(spec, images)
        runs: dict[str, Run] = {name: partial(rows, p) for name, p in programs.items()}
        both = [runs[name](images) for name in ("plain", "rewritten")]
        if options.torch:
            runs |= in_torch(peer, images)
        for name, spent in measured(runs, images, options.rounds).items():
            processor, wall = zip(*spent, strict=True)
            print(
                f"| {network} | {name} | {facts.get(name, '- | -')} "
                f"| {1e3 * statistics.median(processor) / options.batch:.1f} "
                f"| {options.batch / min(wall):.1f} |",
                flush=True,
            )
        apart = abs(both[0] - both[1]).max() / abs(both[0]).max()
        print(f"| {network} | difference of the two | | | {apart:.0e} | |", flush=True)


def plain(spec) -> _jax.JaxProgram:
    """The program as it was before it is rewritten."""
    rewrite = _jax.lower_for_cpu
    _jax.lower_for_cpu = lambda function: function
    try:
        return _jax.JaxProgram(spec)
    finally:
        _jax.lower_for_cpu = rewrite


def unnormalised(spec, images: np.ndarray) -> _jax.JaxProgram:
    """The rewritten program of the network with its normalisations left out."""
    from keras.layers import BatchNormalization

    def leave(self, inputs, training=None, mask=None):
        return inputs

    whole = BatchNormalization.call
    BatchNormalization.call = leave
    try:
        program = _jax.JaxProgram(spec)
        # Traced now: the network is another one only as long as the layer is.
        program.compile(images.shape, images.dtype)
    finally:
        BatchNormalization.call = whole
    return program


def rows(program: _jax.JaxProgram, images: np.ndarray) -> np.ndarray:
    return program.start(images)()


def compiled(program: Any, images: np.ndarray) -> str:
    """Compile; the processor time that took, and the memory the program asks for in a call."""
    started = time.process_time()
    executable = program.compile(images.shape, images.dtype)
    seconds = time.process_time() - started
    megabytes = executable.memory_analysis().temp_size_in_bytes / 1e6
    return f"{seconds:.1f} | {megabytes:.0f}"


def in_torch(name: str, images: np.ndarray) -> dict[str, Run]:
    """The network in PyTorch, as it comes and frozen."""
    import timm
    import torch

    torch.set_num_threads(1)
    network = timm.create_model(name, pretrained=False, num_classes=0).eval()
    if name.startswith("vgg"):
        network = network.features  # as far as ours goes
    network = network.to(memory_format=torch.channels_last)

    def batch(images):
        return torch.from_numpy(images).permute(0, 3, 1, 2).float()

    def runner(module) -> Run:
        def run(images):
            with torch.inference_mode():
                return module(batch(images))

        return run

    with torch.no_grad():
        frozen = torch.jit.freeze(torch.jit.trace(network, batch(images)))
    return {"torch": runner(network), "torch, frozen": runner(frozen)}


def measured(
    programs: dict[str, Run], images: np.ndarray, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Processor seconds and seconds of each round, after two rounds that do not count."""
    spent = {name: [] for name in programs}
    for at in range(-2, rounds):
        for name, run in programs.items():
            started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
            run(images)
            seconds, after = (
                time.perf_counter() - started,
                resource.getrusage(resource.RUSAGE_SELF),
            )
            busy = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
            if at >= 0:
                spent[name].append((busy, seconds))
    return spent


if __name__ == "__main__":
    main()
