"""Rows in pieces: those of `transform`, in its order, in memory that does not grow.

For one of them the window begins small, because rows are lost only where it has been full.
"""

from __future__ import annotations

import itertools
import threading
import tracemalloc
import warnings

import numpy as np
import pytest
from extraction_helpers import CRUMBS, save_network

from skembed import FullNetworkEmbedder, ImageError, PretrainedEmbedder
from skembed.extraction import _window, images_run, record_reports

# More than a stream of narrow rows holds, so that the first rows are gone when copies come.
LONG = 4096
NOISE = np.random.default_rng(0).integers(0, 256, (LONG + 900, 12, 12, 3), np.uint8)
quiet = pytest.mark.filterwarnings("ignore:.*could not be read")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return save_network(tmp_path_factory.mktemp("network") / "small.keras")


@pytest.fixture(scope="module")
def wide_network(tmp_path_factory):
    """A network of 4,096 features, of which 512 rows take 8 MB."""
    import keras

    path = tmp_path_factory.mktemp("network") / "wide.keras"
    inputs = keras.Input((12, 12, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    keras.Model(inputs, keras.layers.Dense(4096)(pooled)).save(path)
    return path


def joined(embedder, X):
    """All pieces, joined; they follow one another."""
    pieces = list(embedder.iter_batches(X))
    positions = np.concatenate([positions for positions, _ in pieces])
    np.testing.assert_array_equal(positions, np.arange(len(X)))
    return np.concatenate([rows for _, rows in pieces])


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize(
    ("embedder_class", "options"),
    [
        (PretrainedEmbedder, {"on_error": "nan", "normalize": "l2"}),
        (PretrainedEmbedder, {"on_error": "mean", "quantize": True}),
        (FullNetworkEmbedder, {"on_error": "mean"}),
        (FullNetworkEmbedder, {"on_error": "nan", "discretize": False}),
    ],
    ids=str,
)
@quiet
def test_pieces_joined_are_what_transform_gives(
    tmp_path, network, embedder_class, options, cached
):
    cache = tmp_path if cached else False
    embedder = embedder_class(network, engine="jax", cache=cache, **options)
    X = [*CRUMBS[:200], None, *CRUMBS[100:300], b"bad", CRUMBS[5], b"bad", *CRUMBS[:9]]
    whole = embedder.fit(X).transform(X)
    got = joined(embedder, X)
    assert (got.dtype, got.tobytes()) == (whole.dtype, whole.tobytes())


@pytest.mark.slow
@pytest.mark.parametrize("cached", [True, False])
def test_an_image_that_comes_again_much_later_runs_once(tmp_path, network, cached):
    embedder = PretrainedEmbedder(network, engine="jax", cache=tmp_path if cached else False)
    X = [*CRUMBS, *CRUMBS[::-1]]
    assert len(X) > LONG
    before = images_run()
    with record_reports() as reports:
        rows = joined(embedder, X)
    assert images_run() - before == len(CRUMBS)
    np.testing.assert_array_equal(rows[len(CRUMBS) :], rows[len(CRUMBS) - 1 :: -1])
    (report,) = reports
    assert (report.n_run, report.n_found) == (len(CRUMBS), 0)
    assert report.equal[-1] == (len(X) - 1, 0)
    np.testing.assert_array_equal(rows, embedder.transform(X))


@pytest.mark.slow
def test_one_missing_row_holds_up_no_more_than_a_window(tmp_path, network):
    """Rows that are found behind it are given when it has run, and not at the end."""
    told = []
    embedder = PretrainedEmbedder(
        network, engine="jax", cache=tmp_path, progress=lambda done, total: told.append(done)
    )
    whole = np.concatenate([embedder.transform(NOISE[:1]), embedder.transform(NOISE[2:])])
    told.clear()
    stream = embedder.iter_batches(NOISE)
    pieces = [next(stream)]
    assert told[-1] <= LONG
    pieces += stream
    rows = np.concatenate([rows for _, rows in pieces])
    np.testing.assert_array_equal(np.delete(rows, 1, axis=0), whole)
    assert np.isfinite(rows[1]).all()


@pytest.mark.slow
@pytest.mark.parametrize("cached", [True, False])
def test_memory_does_not_grow_with_the_number_of_images(tmp_path, wide_network, cached):
    def peak(n, store):
        cache = tmp_path / store if cached else False
        embedder = PretrainedEmbedder(wide_network, engine="jax", cache=cache, progress=False)
        tracemalloc.start()
        given = sum(len(rows) for _, rows in embedder.iter_batches(NOISE[:n]))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert given == n
        return most

    peak(8, "warm")  # loads and compiles the network
    few, many = peak(400, "few"), peak(2000, "many")
    assert many <= 1.1 * few
    assert many < 2000 * 4096 * 4  # the bytes of all rows


@pytest.mark.parametrize("cached", [True, False])
def test_a_loop_may_stop_early(tmp_path, network, cached):
    embedder = PretrainedEmbedder(network, engine="jax", cache=tmp_path if cached else False)
    embedder.transform(CRUMBS[:1])
    threads = set(threading.enumerate())
    with record_reports() as reports:
        for piece in embedder.iter_batches(CRUMBS):
            first = piece
            break
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)  # those that read and decode are told to end, and not waited for
    assert set(threading.enumerate()) <= threads
    (report,) = reports
    assert len(first[0]) <= report.n_images < len(CRUMBS)
    np.testing.assert_array_equal(  # no lock is held
        embedder.transform(CRUMBS[:9]),
        PretrainedEmbedder(network, cache=False, engine="jax").transform(CRUMBS[:9]),
    )


def test_two_streams_may_take_turns(tmp_path, network):
    embedder = PretrainedEmbedder(network, engine="jax", cache=tmp_path)
    before = images_run()
    streams = [embedder.iter_batches(CRUMBS[:400]) for _ in range(2)]
    pieces = list(itertools.zip_longest(*streams))
    assert images_run() - before == 400
    one, other = (
        np.concatenate([piece[1] for piece in own if piece])
        for own in zip(*pieces, strict=True)
    )
    np.testing.assert_array_equal(one, other)


def test_what_is_wrong_is_told_when_its_turn_comes(network):
    embedder = PretrainedEmbedder(network, engine="jax", cache=False, batch_size=8)
    with pytest.raises(TypeError, match="Row 0 of X is int"):
        embedder.iter_batches([3])
    stream = embedder.iter_batches([*CRUMBS[:500], b"bad"])
    next(stream)
    with pytest.raises(ImageError, match=r"Row 500: bytes \(3 bytes\)"):
        list(stream)
    lenient = embedder.set_params(on_error="nan")
    with pytest.warns(
        UserWarning, match="1 of 9 images could not be read and became rows of NaN"
    ):
        assert np.isnan(joined(lenient, [*CRUMBS[:8], b"bad"])[8]).all()
    with pytest.raises(ImageError, match="None of the 2 images could be read"):
        list(lenient.iter_batches([b"bad", None]))


class TestReport:
    """What became of the images, told to whoever collects reports."""

    @quiet
    def test_counts_rows_and_reasons(self, tmp_path, network):
        bad = tmp_path / "bad.png"
        bad.write_bytes(b"no image")
        embedder = PretrainedEmbedder(
            network, engine="jax", cache=tmp_path / "store", on_error="nan"
        )
        embedder.transform(CRUMBS[:20])
        with record_reports() as reports:
            embedder.transform([*CRUMBS[:50], bad, CRUMBS[3], bad, None])
        (report,) = reports
        counts = (report.n_images, report.n_run, report.n_found, report.n_equal)
        assert counts == (54, 30, 20, 1)
        assert report.equal == ((51, 3),)
        assert report.engine == "jax"
        assert [(u.row, u.name) for u in report.unreadable] == [
            (50, str(bad)), (52, str(bad)), (53, "a missing value"),
        ]  # fmt: skip
        assert report.n_unreadable == 3
        assert report.unreadable[0].reason.startswith(f"{bad} is not an image")
        assert report.summary == (
            "30 through the network, 20 from the store, 1 equal to others, 3 not readable"
        )

    def test_seconds_add_up_and_the_rate_leaves_out_compilation(self, network):
        embedder = PretrainedEmbedder(network, engine="jax", cache=False, batch_size=32)
        with record_reports() as reports:
            embedder.transform(CRUMBS[:640])
            embedder.transform(CRUMBS[:64])
        many, few = reports
        assert few.rate is None
        seconds = many.seconds
        assert set(seconds) >= {"identify", "decode", "build", "network", "other"}
        assert "caller" not in seconds
        assert many.total_seconds == sum(seconds.values())
        assert many.rate > many.n_run / many.total_seconds

    def test_nothing_ran(self, tmp_path, network):
        embedder = PretrainedEmbedder(network, engine="jax", cache=tmp_path)
        embedder.transform(CRUMBS[:9])
        with record_reports() as reports:
            embedder.transform(CRUMBS[:9])
        (report,) = reports
        assert (report.n_found, report.engine, report.rate) == (9, "", None)

    def test_a_call_that_fails_reports_too_and_blocks_nest(self, network):
        embedder = PretrainedEmbedder(network, engine="jax", cache=False)
        with record_reports() as outer:
            with record_reports() as inner, pytest.raises(ImageError):
                embedder.transform([CRUMBS[0], b"bad"])
            embedder.transform(CRUMBS[:1])
        embedder.transform(CRUMBS[:1])
        assert [u.row for u in inner[0].unreadable] == [1]
        assert len(inner) == 1
        assert [report.n_run for report in outer] == [0, 1]

    def test_another_thread_collects_for_itself(self, network):
        embedder = PretrainedEmbedder(network, engine="jax", cache=False)
        with record_reports() as reports:
            thread = threading.Thread(target=embedder.transform, args=(CRUMBS[:1],))
            thread.start()
            thread.join()
        assert reports == []


@pytest.mark.parametrize("on_error", ["nan", "mean"])
def test_a_stream_warns_as_transform_does(network, on_error):
    embedder = PretrainedEmbedder(network, engine="jax", cache=False, on_error=on_error)
    embedder.fit(CRUMBS[:3])
    X = [*CRUMBS[:3], b"bad", b"bad"]
    told = []
    for call in (embedder.transform, lambda X: list(embedder.iter_batches(X))):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call(X)
        told.append([(str(w.message), w.filename) for w in caught])
    assert told[0] == told[1]
    assert told[0][0][1] == __file__


def test_rows_overwritten_before_the_window_grew_are_not_given(tmp_path, network, monkeypatch):
    monkeypatch.setattr(_window, "_FEWEST", 256)
    monkeypatch.setattr(_window, "_MOST", 256)
    embedder = PretrainedEmbedder(network, engine="jax", cache=tmp_path, batch_size=64)
    embedder.transform(CRUMBS[:500])
    X = [*CRUMBS[:500], *CRUMBS[500:520], *CRUMBS[130:250]]
    rows = np.concatenate([rows for _, rows in embedder.iter_batches(X)])
    np.testing.assert_array_equal(rows, embedder.transform(X))
