"""Workers that are processes: the same bits, each image once, and one of them is killed."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import dask
import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster
from extraction_helpers import CRUMBS
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder, cache_info, config_context, read_embeddings
from skembed.extraction import images_run

pytestmark = pytest.mark.slow


@contextmanager
def workers(n: int, method: str = "forkserver") -> Iterator[Client]:
    """Processes of one thread each, forked from one that has imported what they need."""
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": method}),
        LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def two_workers(processes) -> Iterator[Client]:
    with workers(2) as client:
        yield client


def counts(cache) -> tuple[int, int]:
    """Rows that are kept, and how many were computed."""
    specs = cache_info(cache).specs
    return sum(spec.rows for spec in specs), sum(spec.misses for spec in specs)


def test_the_same_bits_and_each_image_once(embedder, tmp_path, as_array, two_workers):
    images = [CRUMBS[i % 100] for i in range(200)]  # each in two partitions
    rows = embedder.transform(as_array(images, 25)).compute()
    assert counts(tmp_path / "store") == (100, 100)
    np.testing.assert_array_equal(rows, embedder.set_params(cache=False).transform(images))


@pytest.mark.usefixtures("processes")
def test_four_workers_and_two_jobs_on_one_directory(network, tmp_path, as_array):
    images = [CRUMBS[i % 100] for i in range(200)]
    embedder = PretrainedEmbedder(network, engine="jax", cache=tmp_path / "store")
    with workers(4) as client:
        rows = embedder.transform(as_array(images, 25)).compute()
        assert counts(tmp_path / "store") == (100, 100)
        embedder.set_params(cache=False)
        before = sum(client.run(images_run).values())
        with ThreadPoolExecutor(2) as jobs:
            X = as_array(images[:96], 8)
            written = list(jobs.map(lambda _: embedder.to_zarr(X, tmp_path / "out"), "ab"))
        assert sum(client.run(images_run).values()) - before == 96
    expected = embedder.transform(images)
    np.testing.assert_array_equal(rows, expected)
    for one in written:
        np.testing.assert_array_equal(one[:], expected[:96])


def test_the_client_is_told_of_bad_images(network, tmp_path, as_array, files, two_workers):
    """A lazy transform tells by partition, and a directory once, with the rows of all."""
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    X = as_array([*files[:13], str(bad), *files[13:39]])
    embedder = PretrainedEmbedder(network, engine="jax", cache=False, on_error="nan")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        embedder.transform(X).compute()
        deadline = time.monotonic() + 60
        while not caught and time.monotonic() < deadline:  # it comes by itself
            time.sleep(0.05)
    (told,) = caught
    assert str(told.message).startswith(
        "Partition 1: 1 of 10 images could not be read and became"
    )
    assert f"{bad} is not an image" in str(told.message)
    with pytest.warns(
        UserWarning, match=f"^1 of 40 images .*: {bad} is not an image"
    ) as caught:
        embedder.to_parquet(X, tmp_path / "out")
    assert len(caught) == 1


def test_a_live_model_finds_jax_in_a_worker(network, as_array, files, reference):
    """In one that has not imported Keras yet."""
    import keras

    model = keras.models.load_model(network)
    embedder = PretrainedEmbedder(model, engine="jax", cache=False)
    with workers(1, "spawn"):
        np.testing.assert_array_equal(embedder.transform(as_array(files)).compute(), reference)


def test_a_worker_is_killed_midway(embedder, tmp_path, as_array, two_workers):
    """Its task runs again, for what was not kept; what is written is whole."""
    images = CRUMBS[:600]
    expected = embedder.transform(images[:1])
    pids = list(two_workers.run(os.getpid).values())
    killed = []

    def kill_once(done, total):
        if done and not killed:
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    embedder.set_params(progress=kill_once, batch_size=16)
    written = embedder.to_parquet(as_array(images, 50), tmp_path / "out")
    assert killed
    assert counts(tmp_path / "store") == (600, 600)
    found = embedder.set_params(cache=False, progress=False).transform(images)
    np.testing.assert_array_equal(written[:], found)
    np.testing.assert_array_equal(read_embeddings(tmp_path / "out")[:1], expected)
    deadline = time.monotonic() + 60
    while len(two_workers.scheduler_info()["workers"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
def test_searches_compute_nothing_twice(network, tmp_path, two_workers, search):
    """The settings are those of the caller, wherever the candidates are fitted.

    Loky's workers are for tests/extraction/test_each_image_once.py.
    """
    model = make_pipeline(PretrainedEmbedder(network, engine="jax"), LinearSVC())
    y = np.arange(60) % 2
    before = images_run()
    with config_context(cache_dir=tmp_path), joblib.parallel_config("dask"):
        found = search(model, {"linearsvc__C": [0.1, 1.0]}, n_jobs=2, cv=3)
        found.fit(CRUMBS[:60], y)
        assert images_run() == before  # all of it in the workers
        assert counts(tmp_path) == (60, 60)
        assert "_carried" not in found.best_estimator_[0].__getstate__()
