"""The promise: each image goes through the network once, whatever asks for it."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from counted_search import CountedAccuracy, search, tiles
from joblib.externals.loky import get_reusable_executor
from PIL import Image
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed import (
    Discretizer,
    PretrainedEmbedder,
    StoreWarning,
    cache_clear,
    cache_info,
    config_context,
)
from skembed.extraction import clear_programs, images_run
from skembed.store import _file_digests

pytestmark = pytest.mark.slow

SEARCH = """
from pathlib import Path
from counted_search import CountedAccuracy, search

log = Path({log!r})
search(Path({cache!r}), log)
print(CountedAccuracy(log).total())
"""


def embedder(cache, **options):
    return PretrainedEmbedder(image_size=64, cache=cache, **options)


def counted(function, *arguments):
    """Call; return what comes back and how many images it ran."""
    before = images_run()
    return function(*arguments), images_run() - before


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return tiles(24)[0]


@pytest.fixture(scope="module")
def reference(pictures) -> np.ndarray:
    return embedder(False).transform(pictures)


@pytest.fixture
def files(pictures, tmp_path, monkeypatch):
    """Eight files, all of one size, old enough to be known by their status."""
    monkeypatch.setattr(_file_digests, "_TICK", 50_000_000)
    paths = [tmp_path / f"{i}.bmp" for i in range(8)]
    for path, picture in zip(paths, pictures, strict=False):
        Image.fromarray(np.dstack([picture] * 3) if picture.ndim == 2 else picture).save(path)
    time.sleep(0.08)
    return paths


def test_a_grid_search_and_the_same_in_a_new_process(tmp_path, without_jax):
    cache = tmp_path / "store"
    found, run = counted(search, cache, tmp_path / "log")
    assert run == 100
    assert found.best_score_ > 0.9
    (spec,) = cache_info(cache).specs
    assert (spec.rows, spec.misses) == (100, 100)
    # 15 fits and scores of 80 + 20, and the last fit of 100, less those computed.
    assert spec.hits == 15 * 100 + 100 - 100
    log = tmp_path / "again"
    assert without_jax(SEARCH.format(cache=str(cache), log=str(log))) == "0"


@pytest.fixture
def loky():
    """Let workers live as long as a test: they count what they have run since they started."""
    get_reusable_executor().shutdown(wait=True)
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.mark.usefixtures("loky")
def test_processes_share_the_work(tmp_path):
    caches = {n_jobs: tmp_path / str(n_jobs) for n_jobs in (2, 4)}
    for cache in caches.values():
        _write_graph(cache)
    log = tmp_path / "log"
    log.touch()
    run = images_run()  # in this process
    for n_jobs, cache in caches.items():  # two of the four workers are the two
        before = log.stat().st_size
        search(cache, log, n_jobs)
        workers = {line.split()[0] for line in log.read_text()[before:].splitlines()}
        assert len(workers) > 2  # two at least, and this process, of the last fit
        (spec,) = cache_info(cache).specs
        assert (spec.rows, spec.misses) == (100, 100)
    assert CountedAccuracy(log).total() - run == 200


def _write_graph(cache):
    """Keep OpenVINO's graph there. Workers would each wait for one that compiles Keras."""
    clear_programs()
    with config_context(cache_dir=cache):
        embedder(False).transform(tiles(4)[0])


def test_equal_images_run_once(tmp_path, pictures, reference):
    order = [0, 1, 0, 2, 1, 0]
    rows, run = counted(embedder(tmp_path).transform, [pictures[i] for i in order])
    assert run == 3
    np.testing.assert_array_equal(rows, reference[order])


def test_fewer_layers_are_served_from_stored_columns(tmp_path, pictures, reference):
    both = embedder(tmp_path, layers=["embedding", "predictions"])
    wide, run = counted(both.transform, pictures)
    assert run == len(pictures)
    for layers in ("embedding", "predictions", ["predictions", "embedding"]):
        narrow = embedder(tmp_path, layers=layers)
        rows, run = counted(narrow.transform, pictures)
        assert run == 0
        for layer, columns in narrow.layer_slices_.items():
            np.testing.assert_array_equal(rows[:, columns], wide[:, both.layer_slices_[layer]])
        # Not always the same bits as a narrow run's own: XLA compiles another program.
        fresh = embedder(False, layers=layers).transform(pictures)
        assert np.abs(rows - fresh).max() <= 1e-6 * np.abs(fresh).max()


def test_a_sweep_over_layers_and_thresholds_of_a_stored_full_network(tmp_path, pictures):
    full, run = counted(embedder(tmp_path, layers="all").transform, pictures)
    assert run == len(pictures)
    slices = embedder(tmp_path, layers="all").layer_slices_
    some = list(slices)[::7]
    for layers in ("all", "last 3", [-1, 0], "block2*", some):
        for upper in (0.15, 0.25):
            narrow = embedder(tmp_path, layers=layers)
            ternary = make_pipeline(narrow, StandardScaler(), Discretizer(upper=upper))
            _, run = counted(ternary.fit_transform, pictures)
            assert run == 0
    for layers in (some, list(slices)[:3]):
        rows = embedder(tmp_path, layers=layers).transform(pictures)
        stored = np.hstack([full[:, slices[name]] for name in layers])
        np.testing.assert_array_equal(rows, stored)
        # A tenth of the numbers of the first three was seen to differ, by 7e-8 of the largest.
        fresh = embedder(False, layers=layers).transform(pictures)
        assert np.abs(rows - fresh).max() <= 1e-6 * np.abs(fresh).max()


def test_more_layers_than_stored_are_computed(tmp_path, pictures, reference):
    rows, _ = counted(embedder(tmp_path).transform, pictures)
    both = embedder(tmp_path, layers=["embedding", "predictions"])
    wide, run = counted(both.transform, pictures)
    assert run == len(pictures)
    assert wide.shape == (len(pictures), 2280)
    again, run = counted(embedder(tmp_path).transform, pictures)
    assert run == 0
    np.testing.assert_array_equal(again, rows)  # its own, not those of the wider request
    np.testing.assert_array_equal(rows, reference)


def test_float16_on_request(tmp_path, pictures, reference):
    with config_context(cache_dtype="float16"):
        first, run = counted(embedder(tmp_path).transform, pictures)
        second, again = counted(embedder(tmp_path).transform, pictures)
    assert (run, again) == (len(pictures), 0)
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    np.testing.assert_allclose(first, reference, rtol=2**-11, atol=1e-7)
    exact, run = counted(embedder(tmp_path).transform, pictures)
    assert run == len(pictures)  # float16 never answers for float32
    np.testing.assert_array_equal(exact, reference)


def test_a_cap_that_is_too_small(tmp_path, pictures, reference, fresh):
    with config_context(cache_size=10 * 1280 * 4):
        with pytest.warns(StoreWarning, match="cache_size") as caught:
            rows = embedder(tmp_path, batch_size=4).transform(pictures)
        again, run = counted(embedder(tmp_path, batch_size=4).transform, pictures)
    assert len(caught) == 1
    assert run == 0
    np.testing.assert_array_equal(rows, reference)
    np.testing.assert_array_equal(again, reference)


def test_a_changed_file_is_seen_though_its_size_and_time_are_the_same(
    tmp_path, files, reference
):
    by_path = embedder(tmp_path / "store")
    before = by_path.transform(files)
    assert counted(by_path.transform, files)[1] == 0
    status = files[0].stat()
    files[0].write_bytes(files[1].read_bytes())
    os.utime(files[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    now = files[0].stat()
    assert (now.st_size, now.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    after, run = counted(by_path.transform, files)
    assert run == 0  # the other file's content is known
    np.testing.assert_array_equal(after, before[[1, *range(1, 8)]])


def test_known_files_are_not_read_again_unless_asked(tmp_path, pictures, forked):
    """A known file is looked into, and not read."""
    for i, picture in enumerate(pictures[:8]):
        Image.fromarray(picture).save(tmp_path / f"{i}.png")
    time.sleep(2.1)  # files as young as that are always read
    program = """
import glob
from skembed import PretrainedEmbedder, set_config
from skembed.extraction import _runner, images_run

read, count = _runner.read, []

def counted(item, **options):
    count.append(item)
    return read(item, **options)

_runner.read = counted
embedder = PretrainedEmbedder(image_size=64, cache="store")
for trust_stat in (True, True, False):
    set_config(trust_stat=trust_stat)
    del count[:]
    embedder.transform(sorted(glob.glob("*.png")))
    print(len(count), images_run(), end=" ")
"""
    assert forked(program).split() == ["8", "8", "0", "8", "8", "8"]
    assert forked(program).split() == ["0", "0", "0", "0", "8", "0"]


@pytest.mark.parametrize("outcome", ["changed", "deleted"])
def test_a_file_that_changes_under_way_does_not_pass_for_its_twin(
    tmp_path, files, reference, outcome
):
    """Two files of one content are known without reading; then one of them is another's."""
    cache = tmp_path / "store"
    twin = tmp_path / "twin.bmp"
    twin.write_bytes(files[0].read_bytes())
    time.sleep(0.08)
    images = [files[2], files[0], twin]
    by_path = embedder(cache)
    before = by_path.transform(images)
    cache_clear("efficientnet_lite0", cache=cache)  # what is known of the files stays
    embedder(cache).transform(files[2:3])

    def meddle(done, total):  # all files are identified, and the first row has been found
        if done == 1 and outcome == "changed":
            files[0].write_bytes(files[1].read_bytes())
        elif done == 1:
            files[0].unlink()

    meddled = embedder(cache, progress=meddle, on_error="nan")
    if outcome == "changed":
        after = meddled.transform(images)
        np.testing.assert_array_equal(after[1], embedder(False).transform(files[1:2])[0])
    else:
        with pytest.warns(UserWarning, match=r"1 of 3 images .*0.bmp: no such file"):
            after = meddled.transform(images)
        assert np.isnan(after[1]).all()
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
