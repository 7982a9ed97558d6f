"""Settings go with an estimator to threads and processes that run it, and into no file."""

from __future__ import annotations

import io
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.reduction import ForkingPickler

import distributed.protocol
import joblib
import pytest
from distributed.protocol.serialize import ToPickle
from extraction_helpers import CRUMBS, save_network
from joblib.externals.loky.backend import reduction
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skembed
from skembed import (
    FullNetworkEmbedder,
    LayerKernelClassifierCV,
    PretrainedEmbedder,
    _transports,
    cache_info,
    config_context,
)

FOLDER = "a-folder-of-this-session"


def by_distributed(sent) -> bytes:
    message = {"graph": distributed.protocol.to_serialize([sent]), "task": ToPickle([sent])}
    return b"".join(map(bytes, distributed.protocol.dumps(message)))


def by_joblib(kept) -> bytes:
    file = io.BytesIO()
    joblib.dump(kept, file)
    return file.getvalue()


def by_skops(kept) -> bytes:
    from skops.io import dumps

    return dumps(kept)


TO_WORKERS = {
    "joblib's loky": lambda sent: bytes(reduction.dumps(sent)),
    "multiprocessing": lambda sent: bytes(ForkingPickler.dumps(sent)),
    "distributed": by_distributed,
}
TO_FILES = {"pickle": pickle.dumps, "joblib": by_joblib, "skops": by_skops}


class Derived(PretrainedEmbedder):
    """Of a user."""


@pytest.mark.parametrize("way", TO_WORKERS)
@pytest.mark.parametrize(
    "kind", [PretrainedEmbedder, FullNetworkEmbedder, LayerKernelClassifierCV, Derived]
)
def test_workers_get_the_settings_of_the_thread_that_cloned(way, kind):
    with config_context(cache_dir=FOLDER):
        sent = clone(make_pipeline(FunctionTransformer(), kind()))
        with ThreadPoolExecutor(1) as other:  # as joblib pickles
            pickled = other.submit(TO_WORKERS[way], sent).result()
            again = other.submit(TO_WORKERS[way], clone(sent)).result()
    assert FOLDER.encode() in pickled
    assert FOLDER.encode() in again


@pytest.mark.parametrize("way", TO_WORKERS)
def test_what_is_not_cloned_gets_the_settings_of_the_process(way):
    before = skembed.get_config()
    skembed.set_config(cache_dir=FOLDER)
    try:
        with ThreadPoolExecutor(1) as other:
            pickled = other.submit(TO_WORKERS[way], PretrainedEmbedder()).result()
        assert FOLDER.encode() in pickled
    finally:
        skembed.set_config(**before)


@pytest.mark.parametrize("way", TO_FILES)
def test_files_have_no_settings(way):
    with config_context(cache_dir=FOLDER):
        kept = clone(PretrainedEmbedder())
        came = reduction.loads(reduction.dumps(kept))
        for one in (kept, came, make_pipeline(kept)):
            assert FOLDER.encode() not in TO_FILES[way](one)


def test_a_pool_s_thread_has_them_for_as_long_as_they_hold(tmp_path):
    """A thread that has settings of its own keeps these."""

    network = save_network(tmp_path / "small.keras")

    def embed(embedder, folder=None):
        with config_context(cache_dir=folder) if folder else config_context():
            embedder.transform(CRUMBS[:1])

    def rows(folder) -> int:
        return sum(spec.rows for spec in cache_info(tmp_path / folder).specs)

    with config_context(cache_dir=tmp_path / "a"):
        cloned = clone(PretrainedEmbedder(network, engine="jax"))
        with ThreadPoolExecutor(1) as pool:
            pool.submit(cloned.transform, CRUMBS[:1]).result()
            assert rows("a") == 1
            pool.submit(embed, cloned, tmp_path / "b").result()
            assert rows("b") == 1
            pool.submit(cloned.transform, CRUMBS[1:2]).result()
            assert rows("a") == 2
    with ThreadPoolExecutor(1) as pool:  # the block has ended
        pool.submit(cloned.transform, CRUMBS[2:3]).result()
    assert (rows("a"), rows("b")) == (2, 1)


def test_a_transport_that_loses_settings_is_told_of(monkeypatch):
    """Another version may pickle in another place, and register in another way: here it does."""
    monkeypatch.setattr(_transports._DASK, "is_pickling", lambda: False)
    monkeypatch.setattr(reduction, "_dispatch_table", {})
    for transport in _transports._TRANSPORTS:
        monkeypatch.setattr(transport, "_is_tried", False)
    with config_context(cache_dir=FOLDER), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clone(PretrainedEmbedder())
        clone(PretrainedEmbedder())
    told = [str(warning.message) for warning in caught]
    assert [text.split()[3] for text in told] == ["joblib", "distributed"]
    assert all("call skembed.set_config in each" in text for text in told)
