"""PretrainedEmbedder: how a request is run, and that it changes no number."""

from __future__ import annotations

import hashlib
import os
import threading

import numpy as np
import pytest

from skembed import PretrainedEmbedder

SIZE = 64


def _embedder(**options) -> PretrainedEmbedder:
    return PretrainedEmbedder(**{"image_size": SIZE, "cache": False, **options})


@pytest.mark.slow
def test_another_process_gives_the_same_bits(paths, forked):
    program = f"""
import hashlib
from skembed import PretrainedEmbedder
rows = PretrainedEmbedder(image_size={SIZE}, cache=False).transform({paths})
print(hashlib.sha256(rows.tobytes()).hexdigest())
"""
    here = hashlib.sha256(_embedder().transform(paths).tobytes()).hexdigest()
    assert forked(program) == here


@pytest.mark.slow
def test_threads_share_one_network(pictures, networks_built):
    embedder, rows = _embedder(), {}

    def work(i):
        rows[i] = embedder.transform(pictures)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows) == 4
    assert len(networks_built) == 1
    assert all(np.array_equal(rows[i], rows[0]) for i in rows)


_FORK = """
import os, signal, warnings
import numpy as np
from skembed import PretrainedEmbedder
from skembed.extraction import clear_programs

X = list(np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8))
embedder = PretrainedEmbedder(image_size=64, engine="{engine}", progress=False)
rows = embedder.transform(X)
clear_programs()  # which brings no thread back
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # JAX, and Python 3.12, warn of forks beside threads
    child = os.fork()
if child == 0:
    signal.alarm(60)
    assert np.array_equal(embedder.transform(X), rows)  # from the store
    try:
        embedder.transform([255 - X[0]])
    except RuntimeError as error:
        print(error, flush=True)
    clear_programs()  # and waits for none
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert embedder.transform([255 - X[0]]).shape == (1, 1280)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked on this system")
@pytest.mark.parametrize("engine", ["jax", "openvino"])
def test_a_forked_process_says_that_it_cannot_run_a_network(engine, forked):
    said = forked(_FORK.format(engine=engine))
    assert said.startswith(
        "This process was forked from one in which JAX or a network had been started"
    )


def test_what_is_done_before_the_network_needs_no_network_of_its_own(pictures, networks_built):
    for resize in ("warp", "pad", "crop"):
        _embedder(resize=resize).transform(pictures[:1])
    _embedder(decoding="scaled").transform(pictures[:1])
    assert len(networks_built) == 1


_OUT_OF_MEMORY = """
import resource, warnings
from pathlib import Path
import numpy as np
from skimage import data
from skembed import PretrainedEmbedder

import keras
side = 1024  # a feature map of 256 MiB
model = keras.Sequential([
    keras.Input((side, side, 3)),
    keras.layers.Conv2D(64, 2, padding="same", activation="relu"),
    keras.layers.GlobalAveragePooling2D(),
])
picture = np.tile(data.astronaut(), (2, 2, 1))
X = [np.roll(picture, 7 * i, axis=1) for i in range(16)]
embedder = PretrainedEmbedder(model, engine="jax", cache=False, n_jobs=1)
want = embedder.transform(X)
for mib in range(900, 0, -100):
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + mib * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, -1))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            rows = embedder.transform(X)
        except MemoryError as error:
            resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
            print(error)
            break
    assert np.array_equal(rows, want)
    for warning in told:
        print(warning.message)
"""


@pytest.mark.slow
def test_where_memory_runs_out_fewer_are_computed_at_once_and_then_an_error_says_so(forked):
    """Out of memory in truth: the process may have less and less of it."""
    pytest.importorskip("resource", reason="no memory limits for a process on this system")
    *warned, error = forked(_OUT_OF_MEMORY).splitlines()
    assert error.endswith("does not fit in memory: choose a smaller image_size or backbone.")
    # With one core there is one batch at a time from the beginning.
    fewer = (
        "A batch did not fit in memory; going on with one batch at a time, which takes longer"
    )
    assert all(warning.startswith(fewer) for warning in warned)


_BITS = """
import warnings
import numpy as np
from skembed import PretrainedEmbedder

import keras
rng = np.random.default_rng(0)
for side in (8, 9, 10, 12, 15, 16, 20, 27, 32, 45, 64):
    keras.utils.set_random_seed(side)
    model = keras.Sequential([
        keras.Input((side, side, 3)),
        keras.layers.Conv2D(8, 3, strides=1 + (side > 9), activation="relu"),
        keras.layers.Conv2D(16 * (1 + side % 3), 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
    ])
    embedder = PretrainedEmbedder(model, engine="jax", cache=False)
    X = list(rng.integers(0, 256, (19, side, side, 3), dtype=np.uint8))
    rows, order = embedder.transform(X), rng.permutation(19)
    assert np.array_equal(embedder.transform([X[i] for i in order]), rows[order]), side
    assert np.array_equal(embedder.transform(X[5:6]), rows[5:6]), side
"""


@pytest.mark.slow
@pytest.mark.parametrize("instructions", ["AVX2", "ALL"])
def test_small_networks_give_the_same_bits_in_any_order_and_alone(instructions, without_jax):
    """XLA's convolutions by oneDNN sum as a position in the batch says, with AVX2."""
    without_jax(_BITS, ONEDNN_MAX_CPU_ISA=instructions)


def test_progress_calls_back(pictures):
    calls = []
    _embedder(progress=lambda done, total: calls.append((done, total))).transform(
        [*pictures, pictures[0]]
    )
    assert calls[-1] == (13, 13)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert {total for _, total in calls} == {13}


def test_progress_counts_what_was_found_and_what_failed_too(pictures, tmp_path):
    calls = []
    options = {"cache": tmp_path, "on_error": "nan"}
    _embedder(**options).transform(pictures[:5])
    embedder = _embedder(**options, progress=lambda done, total: calls.append((done, total)))
    with pytest.warns(UserWarning, match="could not be read"):
        embedder.transform([*pictures, None])
    assert calls[-1] == (13, 13)


def test_progress_shows_a_bar_where_asked_and_none_where_nobody_looks(pictures, capsys):
    _embedder(progress="auto").transform(pictures[:2])
    _embedder(progress=False).transform(pictures[:2])
    assert capsys.readouterr() == ("", "")
    _embedder(progress=True).transform(pictures[:2])
    out, err = capsys.readouterr()
    assert out == ""
    assert "efficientnet_lite0" in err
