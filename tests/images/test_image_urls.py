"""Images from a real HTTP server on this machine, well behaved and otherwise."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import multiprocessing
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import skimage

from skembed._config import config_context
from skembed._errors import ImageError
from skembed.images import Limits, load, read

ROCKET = Path(skimage.__file__).parent / "data" / "rocket.jpg"
DATA = ROCKET.read_bytes()
MANY = 2**18


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        page = getattr(self, "page_" + self.path.strip("/").split("/")[0].split(".")[0], None)
        # The client may hang up, as some of these tests want it to.
        with contextlib.suppress(OSError):
            page() if page else self.answer(404)
        # No thread may outlive its test in a half-read connection.
        self.close_connection = self.close_connection or self.path != "/rocket.jpg"

    def page_rocket(self):
        self.answer(200, DATA)

    def page_empty(self):
        self.answer(200)

    def page_gone(self):
        self.answer(410)

    def page_broken(self):
        self.answer(503)

    def page_flaky(self):
        first = sum(path == "/flaky" for path, _ in self.server.seen) == 1
        self.answer(503 if first else 200, b"" if first else DATA)

    def page_moved(self):
        self.answer(302, Location="/rocket.jpg")

    def page_tofile(self):
        self.answer(302, Location=ROCKET.as_uri())

    def page_round(self):
        self.answer(301, Location="/round")

    def page_large(self):
        self.answer(200, Content_Length=10**12)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def page_chunks(self):
        self.answer(200, Content_Length=None, Transfer_Encoding="chunked")
        for _ in range(8):
            self.chunk(bytes(MANY))
        self.chunk(b"")

    def page_whole(self):
        self.answer(200, Content_Length=None, Transfer_Encoding="chunked")
        for start in range(0, len(DATA), 1000):
            self.chunk(DATA[start : start + 1000])
        self.chunk(b"")

    def page_zip(self):
        self.answer(200, gzip.compress(bytes(8 * MANY)), Content_Encoding="gzip")

    def page_zipped(self):
        self.answer(200, gzip.compress(DATA), Content_Encoding="gzip")

    def page_strange(self):
        self.answer(200, DATA, Content_Encoding="br, gzip")

    def page_short(self):
        self.answer(200, DATA[:1000], Content_Length=len(DATA))
        self.close_connection = True

    def page_silent(self):
        self.server.over.wait(20)

    def page_drip(self):
        self.answer(200, Content_Length=len(DATA))
        self.drip()

    def page_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        self.drip()

    def drip(self):
        for _ in range(400):
            self.wfile.write(b"x")
            self.wfile.flush()
            if self.server.over.wait(0.05):
                break


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *args: None  # clients that hang up, again
    server.seen, server.over = [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("page", ["rocket.jpg", "moved", "flaky", "whole", "zipped"])
def test_url_path_and_bytes_are_the_same(server, page):
    raw = read(f"{server.url}/{page}")
    assert raw.data == DATA
    assert raw.digest() == read(ROCKET).digest() == read(DATA).digest()
    assert raw.name == f"{server.url}/{page}"


def test_what_the_server_is_told(server):
    read(f"{server.url}/rocket.jpg".replace("http", "HTTP"))
    (_, headers), *_ = server.seen
    assert headers["User-Agent"].startswith("skembed/")
    assert headers["Accept-Encoding"] == "identity"


def test_many_threads_share_the_pool(server):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(read, [f"{server.url}/rocket.jpg"] * 40))
    assert all(raw.data == DATA for raw in answers)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("nowhere.jpg", r"answered 404 Not Found\.$"),
        ("gone", "answered 410 Gone"),
        ("broken", "answered 503"),
        ("empty", "is empty"),
        ("tofile", "redirects to file:///.*only http"),
        ("round", "redirects more than 5 times"),
        ("large", "more than max_image_bytes"),
        ("short", "no answer"),
        ("strange", "Content-Encoding 'br, gzip'"),
    ],
)
def test_errors_name_the_url(server, page, words):
    url = f"{server.url}/{page}"
    with pytest.raises(ImageError, match=words) as caught:
        read(url)
    assert str(caught.value).startswith(url)


def test_transient_failures_are_tried_once_more_and_others_not(server):
    for page, tries in (("broken", 2), ("gone", 1), ("large", 1), ("short", 2)):
        server.seen.clear()
        with pytest.raises(ImageError):
            read(f"{server.url}/{page}")
        assert len(server.seen) == tries, page


@pytest.mark.parametrize("page", ["chunks", "zip", "rocket.jpg"])
def test_too_much_is_refused_while_it_comes(server, page):
    with (
        config_context(max_image_bytes=min(MANY, len(DATA) - 1)),
        pytest.raises(ImageError, match=f"{page} has more than max_image_bytes="),
    ):
        read(f"{server.url}/{page}")


def test_silence_is_named(server):
    with (
        config_context(url_timeout=0.2),
        pytest.raises(ImageError, match=r"silent for 0\.2 s \(url_timeout\)"),
    ):
        read(f"{server.url}/silent")
    assert len(server.seen) == 1


@pytest.mark.parametrize("page", ["drip", "headers"])
def test_a_slow_drip_ends(server, page):
    start = time.monotonic()
    with config_context(url_timeout=0.1), pytest.raises(ImageError, match=r"within 1\.5 s"):
        read(f"{server.url}/{page}")
    assert time.monotonic() - start < 4


def test_a_dead_port_fails_soon_and_names_the_url():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(
        ImageError, match=f"^http://127.0.0.1:{port}/a.jpg: no answer .*refused"
    ):
        load(f"http://127.0.0.1:{port}/a.jpg")
    assert time.monotonic() - start < 5


def test_a_port_that_never_answers_fails_within_the_time_allowed():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(1)
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/a.jpg"
        start = time.monotonic()
        with config_context(url_timeout=0.5), pytest.raises(ImageError, match="silent"):
            read(url)
        assert time.monotonic() - start < 1  # once: the default of 4 s stays under 5


@pytest.mark.parametrize("url", ["http://", "http://[::1", "https://:80/a", "http://a b/c.jpg"])
def test_what_only_looks_like_a_url(url):
    with pytest.raises(ImageError, match="http"):
        read(url)


def test_a_host_that_does_not_exist():
    with pytest.raises(ImageError, match=r"nowhere\.invalid/a\.jpg: no answer"):
        read("http://nowhere.invalid/a.jpg")


def test_limits_from_another_thread(server):
    with config_context(max_image_bytes=10):
        limits = Limits.from_config()
    with pytest.raises(ImageError, match="max_image_bytes=10"):
        read(f"{server.url}/rocket.jpg", limits=limits)


def _load_in_child(url, answers):
    answers.put(load(url))


# Python warns of forking beside threads, and that is what is tried here.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning", "ignore:.*fork:RuntimeWarning")
def test_a_forked_child_opens_its_own_connections(server):
    url = f"{server.url}/rocket.jpg"
    expected = load(url)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_load_in_child, args=(url, answers))
    child.start()
    np.testing.assert_array_equal(answers.get(timeout=30), expected)
    child.join(30)
    assert child.exitcode == 0
    np.testing.assert_array_equal(load(url), expected)
