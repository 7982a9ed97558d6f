"""Very small images, a small real network, and what other processes do with them."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
from skimage import data

from skembed import PretrainedEmbedder, cache_info, engines
from skembed.cli import main
from skembed.engines.jax import _program as _jax  # noqa: F401
from skembed.engines.openvino import _program  # noqa: F401
from skembed.extraction import images_run
from skembed.store import StoreSpec, open_store

# Forks have these, and need not import them. None of it starts a backend or a thread.
import_module("keras")  # after skembed, which chooses its backend
import_module(
    "jaxlib.mlir.dialects.mhlo"
)  # what JAX lowers to; it imports that as late as it can
if engines.get("openvino").is_installed():
    engines.get("openvino").require()


def crumbs() -> list[np.ndarray]:
    """Pieces of one photograph, 12 x 12 pixels each, no two of them equal."""
    photograph = data.astronaut()
    pieces = [
        photograph[y : y + 12, x : x + 12] for y in range(0, 500, 10) for x in range(0, 500, 10)
    ]
    return list({piece.tobytes(): piece for piece in pieces}.values())


CRUMBS = crumbs()


def save_network(path: Path) -> Path:
    """Save a network for crumbs that loads and compiles in a moment."""
    import keras

    layers = keras.layers
    # Keras draws a file's initial weights before it loads the others, and JAX takes seconds to
    # compile that; zeros are there at once.
    options = {"activation": "relu", "kernel_initializer": "zeros"}
    network = keras.Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.Conv2D(8, 3, strides=2, **options),
            layers.Conv2D(16, 3, **options),
            layers.GlobalAveragePooling2D(),
        ]
    )
    generator = np.random.default_rng(0)
    network.set_weights([generator.normal(0, 0.1, w.shape) for w in network.get_weights()])
    network.save(path)
    return path


def embed(cache, pipe, network: Path, numbers: Sequence[int], batch: int) -> None:
    """Extract for real; tell after each batch how many images this process has run."""
    embedder = PretrainedEmbedder(
        network,
        cache=cache,
        batch_size=batch,
        n_jobs=1,
        progress=lambda done, total: pipe.send(images_run()),
    )
    rows = embedder.transform([CRUMBS[n] for n in numbers])
    pipe.send((rows, images_run()))


def run_command(cache, pipe, argv: Sequence[str]) -> None:
    """Run the command with a store of its own."""
    os.environ["SKEMBED_CACHE_DIR"] = str(cache)
    main(argv)


def messages(pipe) -> list:
    """Whatever a process tells until it ends."""
    told = []
    try:
        while True:
            told.append(pipe.recv())
    except EOFError:
        return told


def stored(cache: Path) -> int:
    """Rows in a store."""
    return sum(spec.rows for spec in cache_info(cache).specs)


def kill_again_and_again(
    cache: Path, start, network: Path, uninterrupted: np.ndarray, kills: int, seed: int
) -> int:
    """Kill a run at random moments, let the last one end; return the rows kept before that.

    All that a process told of is kept, at most one batch more, and nothing is computed twice.
    """
    generator, batch, everything = np.random.default_rng(seed), 2, range(len(CRUMBS))
    for _ in range(kills):
        before = stored(cache)
        process, pipe = start(embed, cache, network, everything, batch)
        while pipe.recv() == 0:  # what it has found; it has computed none yet
            pass
        time.sleep(generator.uniform(0, 0.015))  # a few batches long
        process.kill()
        told = messages(pipe)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert not any(isinstance(message, tuple) for message in told), "it had finished"
        # It told of a batch once that was stored, so each one that it told of is there; it may
        # have been killed between storing and telling, or between computing and storing.
        reported = max(told, default=batch)
        assert reported <= stored(cache) - before <= reported + batch
    kept = stored(cache)
    assert kills * batch <= kept < len(CRUMBS)
    _, pipe = start(embed, cache, network, everything, 64)
    rows, run = messages(pipe)[-1]
    assert run == len(CRUMBS) - kept
    assert rows.tobytes() == uninterrupted.tobytes()
    (spec,) = cache_info(cache).specs
    assert (spec.rows, spec.misses) == (len(CRUMBS), len(CRUMBS))  # none was stored twice
    return kept


def embed_under_file_limit(cache, pipe, network: Path, n_bytes: int) -> None:
    """The same where the system refuses to let a file grow; tell what was warned."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))
    embedder = PretrainedEmbedder(network, cache=cache)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = [embedder.transform(CRUMBS) for _ in range(2)]
    pipe.send((rows, images_run(), [str(w.message) for w in caught]))


def hold(cache, pipe, base: str, seconds: float) -> None:
    """Hold the lock for some seconds."""
    with open_store(cache, StoreSpec(base, (("embedding", 1),))) as store, store.lock():
        pipe.send("locked")
        time.sleep(seconds)
