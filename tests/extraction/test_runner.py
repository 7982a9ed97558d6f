"""From items to rows: the same bits whatever the way, and each image once."""

from __future__ import annotations

import functools
import http.server
import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from skembed import ImageError, PretrainedEmbedder, config_context
from skembed.extraction import images_run

SIZE = 64


def _embedder(**options):
    return PretrainedEmbedder(image_size=SIZE, **options)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Real photographs in pieces: 23, a number that no batch size divides."""
    from skimage import data

    picture = data.astronaut()
    corners = [(i, j) for i in range(0, 400, 96) for j in range(0, 400, 96)]
    return [picture[i : i + 96, j : j + 96] for i, j in corners[:23]]


@pytest.fixture
def files(pictures, tmp_path):
    for i, picture in enumerate(pictures[:5]):
        Image.fromarray(picture).save(tmp_path / f"{i}.png")
    return sorted(tmp_path.glob("*.png"))


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = functools.partial(_Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        with config_context(allow_private_urls=True):
            yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):  # noqa: A002
        pass


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["jax", "openvino"])
@pytest.mark.parametrize(
    "options",
    [*({"batch_size": n} for n in (1, 5, 8, 16, 100)), {"n_jobs": 1}, {"n_jobs": -1}],
    ids=str,
)
def test_how_it_is_run_changes_no_bit(engine, options, pictures):
    plain, other = (
        _embedder(engine=engine, cache=False, **some).transform for some in ({}, options)
    )
    reference = plain(pictures)
    order = np.random.default_rng(0).permutation(len(pictures))
    np.testing.assert_array_equal(other(pictures), reference)
    np.testing.assert_array_equal(other([pictures[i] for i in order]), reference[order])
    np.testing.assert_array_equal(other(pictures[7:8])[0], reference[7])


def test_a_path_a_url_and_bytes_give_the_same_bits(files, server):
    by_path = _embedder(cache=False).transform(files)
    by_url = _embedder(cache=False).transform([f"{server}/{f.name}" for f in files])
    by_bytes = _embedder(cache=False).transform([f.read_bytes() for f in files])
    by_file_url = _embedder(cache=False).transform([f.as_uri() for f in files])
    for rows in (by_url, by_bytes, by_file_url):
        np.testing.assert_array_equal(rows, by_path)


def test_a_dead_port_fails_soon_and_names_row_and_url(files, server):
    images = [f"{server}/0.png", "http://127.0.0.1:9/x.jpg"]
    started = time.monotonic()
    with pytest.raises(ImageError, match=r"Row 1: .*http://127\.0\.0\.1:9/x\.jpg"):
        _embedder(cache=False).transform(images)
    assert time.monotonic() - started < 5


def test_a_response_over_the_limit_is_refused(files, server):
    with (
        config_context(max_image_bytes=1000),
        pytest.raises(ImageError, match="max_image_bytes"),
    ):
        _embedder(cache=False).transform([f"{server}/0.png"])


def test_equal_images_go_through_the_network_once(pictures, files):
    before = images_run()
    rows = _embedder(cache=False).transform([*files, *files, *pictures[:5], pictures[0].copy()])
    # A file and an array of the same pixels are different content: 5 of each.
    assert images_run() - before == 10
    np.testing.assert_array_equal(rows[:5], rows[5:10])
    np.testing.assert_array_equal(rows[10], rows[15])


def test_the_store_serves_the_second_time_bit_by_bit(pictures, tmp_path):
    embedder = _embedder(cache=tmp_path / "store")
    before = images_run()
    first = embedder.transform(pictures)
    assert images_run() - before == len(pictures)
    second = embedder.transform(pictures[::-1])
    assert images_run() - before == len(pictures)
    np.testing.assert_array_equal(second[::-1], first)
    np.testing.assert_array_equal(first, _embedder(cache=False).transform(pictures))


def test_a_changed_file_is_seen(files, tmp_path):
    embedder = _embedder(cache=tmp_path / "store")
    before = embedder.transform(files)
    content, other = files[0].read_bytes(), files[1].read_bytes()
    files[0].write_bytes(other)
    after = embedder.transform(files)
    np.testing.assert_array_equal(after[0], before[1])
    files[0].write_bytes(content)
    np.testing.assert_array_equal(embedder.transform(files), before)


def _damaged(picture):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG")
    return stream.getvalue()[:-200]


def test_bad_images_raise_with_row_and_file(files, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"not an image")
    with pytest.raises(ImageError, match=r"Row 2: .*bad\.jpg"):
        _embedder(cache=False).transform([files[0], files[1], bad])


def test_bad_images_become_nan_rows_and_one_warning(pictures, tmp_path):
    items = [pictures[0], b"not an image", pictures[1], tmp_path / "no.jpg", None, pictures[0]]
    items += [_damaged(pictures[2]), b"not an image"]
    with pytest.warns(UserWarning, match=r"5 of 8 images .* became rows of NaN") as caught:
        rows = _embedder(cache=False, on_error="nan").transform(items)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert str(tmp_path / "no.jpg") in message
    assert [f"row {i}:" in message for i in range(8)] == [i in (1, 4, 6, 7) for i in range(8)]
    assert np.isnan(rows).all(axis=1).tolist() == [i in (1, 3, 4, 6, 7) for i in range(8)]
    assert np.isfinite(rows[[0, 2, 5]]).all()


def test_only_bad_images_need_no_network():
    before = images_run()
    with pytest.raises(ImageError, match="None of the 2 images could be read: row 0: bytes"):
        _embedder(cache=False, on_error="nan").transform([b"a", b"b"])
    assert images_run() == before
