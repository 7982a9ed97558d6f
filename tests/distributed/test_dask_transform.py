"""`transform` and `fit` of what Dask holds: lazy, in its chunks, and the same bits."""

from __future__ import annotations

import pickle

import dask
import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import joblib
import numpy as np
import pandas as pd
import pytest
from extraction_helpers import CRUMBS
from image_files import encoded
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import (
    FullNetworkEmbedder,
    ImageError,
    PretrainedEmbedder,
    cache_info,
    config_context,
    engines,
    near_duplicates,
)
from skembed.extraction import images_run


def test_nothing_is_computed_before_it_is_asked_for(
    embedder, as_array, threads, reference, files
):
    before = images_run()
    rows = embedder.transform(as_array(files, 15))
    assert isinstance(rows, da.Array)
    assert (rows.shape, rows.dtype) == ((40, 16), np.float32)
    assert rows.chunks == ((15, 15, 10), (16,))
    assert (rows._meta.dtype, rows._meta.shape) == (np.float32, (0, 0))
    assert images_run() == before
    np.testing.assert_array_equal(rows.compute(), reference)
    np.testing.assert_array_equal(embedder.transform(as_array(files, 7)).compute(), reference)
    assert images_run() == before + 40


@pytest.mark.parametrize("kind", ["series", "frame", "column of an array", "bytes", "images"])
def test_what_may_hold_images(embedder, as_array, reference, files, kind):
    frame = dd.from_pandas(pd.DataFrame({"file": files, "n": range(40)}), npartitions=3)
    X = {
        "series": lambda: frame["file"],
        "frame": lambda: frame[["file"]],
        "column of an array": lambda: as_array(files)[:, None],
        "bytes": lambda: as_array([encoded(crumb) for crumb in CRUMBS[:40]]),
        "images": lambda: da.from_array(np.stack(CRUMBS[:40]), chunks=(10, 5, 12, 3)),
    }[kind]()
    rows = embedder.transform(X)
    assert rows.shape[1] == 16
    np.testing.assert_array_equal(rows.compute(scheduler="threads"), reference)


def test_what_holds_none_is_refused_with_a_remedy(embedder, as_array, files):
    frame = dd.from_pandas(pd.DataFrame({"file": files, "n": range(40)}), npartitions=3)
    with pytest.raises(ValueError, match=r"2 columns \('file', 'n'\).*for example X\['file'\]"):
        embedder.transform(frame)
    bag = db.from_sequence(files, npartitions=2)
    with pytest.raises(TypeError, match=r"X is a dask Bag.*X.to_dataframe"):
        embedder.fit(bag)
    series = bag.to_dataframe(meta={"image": str})["image"]  # as the message says
    assert embedder.transform(series).compute(scheduler="threads").shape == (40, 16)
    with pytest.raises(TypeError, match=r"Delayed.*from_delayed"):
        embedder.transform(dask.delayed(files))
    with pytest.raises(ValueError, match=r"shape \(40, 2\)"):
        embedder.transform(da.zeros((40, 2)))
    with pytest.raises(TypeError, match=r"X is a dask Array.*X.compute\(\)"):
        near_duplicates(as_array(files), embedder=embedder)
    with pytest.raises(TypeError, match="X is a dask Array"):
        next(embedder.iter_batches(as_array(files)))
    with pytest.raises(ValueError, match="set_output"):
        embedder.set_output(transform="pandas").transform(as_array(files))


def test_an_empty_partition_has_no_rows(embedder, as_array, reference, files):
    frame = dd.from_pandas(pd.DataFrame({"file": files}), npartitions=4)
    rows = embedder.transform(frame[frame.file.isin(files[:3])]["file"])
    np.testing.assert_array_equal(rows.compute(scheduler="threads"), reference[:3])


def test_a_classifier_takes_lazy_rows(embedder, as_array, threads, files):
    y = np.arange(40) % 2
    model = make_pipeline(embedder, LinearSVC()).fit(as_array(files), y)
    plain = make_pipeline(embedder, LinearSVC()).fit(files, y)
    np.testing.assert_array_equal(model.predict(as_array(files)), plain.predict(files))


@pytest.mark.slow
def test_statistics_are_merged_from_partitions(network, tmp_path, as_array, threads, files):
    options = {"engine": "jax", "cache": tmp_path}
    X = as_array(files, 4)  # of which more than are merged at once
    lazy = FullNetworkEmbedder(network, **options).fit(X)
    plain = FullNetworkEmbedder(network, **options).fit(files)
    assert lazy.n_samples_seen_ == 40
    np.testing.assert_allclose(lazy.mean_, plain.mean_, rtol=1e-12)
    np.testing.assert_allclose(lazy.var_, plain.var_, rtol=1e-12)
    rows = lazy.transform(X)
    assert rows.dtype == np.int8
    np.testing.assert_array_equal(rows.compute(), plain.transform(files))
    halves = FullNetworkEmbedder(network, **options).partial_fit(X[:20]).partial_fit(X[20:])
    np.testing.assert_allclose(halves.var_, plain.var_, rtol=1e-12)
    np.testing.assert_array_equal(
        FullNetworkEmbedder(network, **options).fit_transform(X).compute(), rows.compute()
    )


@pytest.mark.filterwarnings("ignore:.* could not be read:UserWarning")
def test_one_bad_image_under_each_policy(network, tmp_path, as_array, reference, files):
    """Partition 1 has a bad image among others, and partition 4 nothing else."""
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    X = as_array([*files[:13], str(bad), *files[13:39], str(bad)])
    options = {"engine": "jax", "cache": tmp_path / "store"}
    with dask.config.set(scheduler="synchronous"):
        raising = PretrainedEmbedder(network, **options).transform(X)
        with pytest.raises(ImageError, match=r"Partition (1: Row 3|4: Row 0): .*bad.png"):
            raising.compute()
        rows = PretrainedEmbedder(network, on_error="nan", **options).transform(X).compute()
        assert np.flatnonzero(np.isnan(rows).any(axis=1)).tolist() == [13, 40]
        np.testing.assert_array_equal(np.delete(rows, [13, 40], axis=0), reference[:39])
        filling = PretrainedEmbedder(network, on_error="mean", **options).fit(X)
        np.testing.assert_allclose(
            filling.mean_, reference[:39].mean(axis=0, dtype=float), rtol=1e-12
        )
        rows = filling.transform(X).compute()
        np.testing.assert_array_equal(rows[[13, 40]], [filling.mean_.astype(np.float32)] * 2)
        with pytest.raises(ImageError, match="None of the images"):
            PretrainedEmbedder(network, on_error="mean", **options).fit(as_array([str(bad)]))


def test_settings_go_with_the_task(network, tmp_path, as_array, threads, files):
    with config_context(cache_dir=tmp_path / "elsewhere"):
        rows = PretrainedEmbedder(network, engine="jax").transform(as_array(files))
    rows.compute()
    (spec,) = cache_info(tmp_path / "elsewhere").specs
    assert (spec.rows, spec.misses) == (40, 40)


def test_relative_paths_start_where_they_were_given(embedder, as_array, files, monkeypatch):
    folder, _, name = files[0].rpartition("/")
    monkeypatch.chdir(folder)
    rows = embedder.transform(as_array([name]))
    monkeypatch.chdir("/")
    assert rows.compute(scheduler="threads").shape == (1, 16)


def test_a_task_has_the_threads_of_its_worker(threads, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 64)
    batching = engines.get("openvino").batching
    assert batching("auto").together == 4 * 64
    assert threads.submit(batching, "auto").result().together == 32  # for its one thread


def test_graphs_hold_no_weights(tmp_path, as_array, files, reference, network):
    """What is pickled is a name and parameters; statistics are there once, not in each task."""
    rows = FullNetworkEmbedder(network, engine="jax", cache=tmp_path).fit(files)
    graph = rows.transform(as_array(files, 1)).__dask_graph__()
    sizes = sorted(len(pickle.dumps(task)) for task in dict(graph).values())
    assert sizes[-1] < 10_000  # and that once
    assert sizes[-2] < 2_000


def test_a_live_model_travels_once(tmp_path, as_array, threads, files, network, reference):
    import keras

    model = keras.models.load_model(network)
    embedder = PretrainedEmbedder(model, engine="jax", cache=tmp_path)
    np.testing.assert_array_equal(embedder.transform(as_array(files)).compute(), reference)
