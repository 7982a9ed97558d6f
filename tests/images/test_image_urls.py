"""Images from a real HTTP server on this machine, well behaved and otherwise."""

from __future__ import annotations

import functools
import multiprocessing
import signal
import socket
import threading
import time
import traceback
from urllib.parse import quote

import numpy as np
import pytest
from url_server import DATA, MANY, ROCKET

from skembed import ImageError, config_context
from skembed.images import Limits, load, read


@pytest.mark.parametrize(
    "page", ["rocket.jpg", "moved", "flaky", "browsers", "whole", "zipped"]
)
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
    server.seen.clear()
    read(f"{server.url}/browsers")
    agents = [headers["User-Agent"] for _, headers in server.seen]
    assert agents == [agents[0], f"Mozilla/5.0 (compatible; {agents[0]})"]


def test_many_threads_share_the_pool(server):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        ask = functools.partial(read, limits=Limits.from_config())
        answers = list(pool.map(ask, [f"{server.url}/rocket.jpg"] * 40))
    assert all(raw.data == DATA for raw in answers)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("nowhere.jpg", r"answered 404 Not Found\.$"),
        ("gone", "answered 410 Gone"),
        ("forbidden", r"answered 403 Forbidden\.$"),
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
    for page, tries in (
        ("broken", 2),
        ("forbidden", 2),
        ("gone", 1),
        ("large", 1),
        ("short", 2),
    ):
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


@pytest.mark.slow
@pytest.mark.parametrize("page", ["drip", "headers", "continue", "trailers"])
def test_what_never_ends_is_left_in_time_and_leaves_no_thread(server, page):
    start = time.monotonic()
    with config_context(url_timeout=0.1), pytest.raises(ImageError, match=r"within 1\.5 s"):
        read(f"{server.url}/{page}")
    assert time.monotonic() - start < 4
    for thread in threading.enumerate():
        if thread.name == "skembed-fetch":
            thread.join(2)
            assert not thread.is_alive()


def test_an_interrupted_download_ends(server):
    """As where Ctrl-C is pressed in a notebook."""
    main = threading.main_thread().ident
    threading.Timer(0.5, signal.pthread_kill, [main, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        read(f"{server.url}/drip")
    (thread,) = (t for t in threading.enumerate() if t.name == "skembed-fetch")
    thread.join(2)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("HTTP/1.1 404 \x1b[2J\x9b31m\r\n\r\n", r"404 \\x1b\[2J\\x9b31m\.$"),
        ("HTTP/1.1 503 Busy\x07\r\n\r\n", r"503 Busy\\x07\.$"),
        ("\x1b[2J\r\n\r\n", r"no answer \(.*\\x1b\[2J"),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: \x1b[2J\r\n\r\n", r"Encoding '\\\\x1b\[2j'"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\x1b\r\n\r\n", "Content-Length"),
        ("HTTP/1.1 302 \r\nLocation: ftp://h/\x1b[2J\x9b\r\n\r\n", r"ftp://h/\\x1b\[2J.*only"),
        ("HTTP/1.1 302 \r\nLocation: http://\x1b[2J/\r\n\r\n", r"http://\\x1b.* not a URL"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b\r\n", "no answer"),
        (f"HTTP/1.1 200 OK\r\nContent-Length: {'9' * 5000}\r\n\r\n", "max_image_bytes"),
        (f"HTTP/1.1 404 {'long' * 9000}\r\n\r\n", r"404 (long)+\.\.\."),
    ],
)
def test_what_a_server_sends_is_shown_as_text(server, answer, words):
    url = f"{server.url}/raw/{quote(answer, encoding='latin-1')}"
    with pytest.raises(ImageError, match=words) as caught:
        read(url)
    shown = "".join(traceback.format_exception(caught.value)).replace("\n", "")
    assert shown.isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "location",
    ["http://[::1", "http://me:secret@[::1/", "//a:b/", "http://host:port/", "http://h:99999/"],
)
def test_a_redirect_to_what_is_no_url(server, location):
    url = f"{server.url}/to/{quote(location, safe='')}"
    with pytest.raises(ImageError, match=r"redirects to .*, which is not a URL") as caught:
        read(url)
    assert "secret@" not in str(caught.value).partition("redirects")[2]


@pytest.mark.parametrize("location", ["/rocket.jpg", "../rocket.jpg", "/rocket.jpg#\xc3\xa9"])
def test_a_redirect_is_joined(server, location):
    assert read(f"{server.url}/to/{quote(location, safe='', encoding='latin-1')}").data == DATA


def test_a_redirect_in_utf8_is_followed_as_browsers_do(server):
    with pytest.raises(ImageError, match="404"):
        read(f"{server.url}/to/%2F%C3%A9.jpg")
    assert server.seen[-1][0] == "/%C3%A9.jpg"


def test_a_dead_port_fails_soon_and_names_the_url():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    with (
        config_context(allow_private_urls=True),
        pytest.raises(ImageError, match=f"^http://127.0.0.1:{port}/a.jpg: no answer .*refused"),
    ):
        load(f"http://127.0.0.1:{port}/a.jpg")
    assert time.monotonic() - start < 5


def test_a_port_that_never_answers_fails_within_the_time_allowed():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(1)
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/a.jpg"
        start = time.monotonic()
        with (
            config_context(url_timeout=0.5, allow_private_urls=True),
            pytest.raises(ImageError, match="silent"),
        ):
            read(url)
        assert time.monotonic() - start < 1  # once: the default of 4 s stays under 5


@pytest.mark.parametrize(
    "url",
    [
        "http://me:secret@127.0.0.1:9/a.jpg?size=3&key=secret#secret",
        "http://me:secret@[::1/a.jpg",
        "http://me:secret@host:port/a.jpg",
        "http://me:a/secret@host/a.jpg",
        "http://secret@host:99999/",
        "ftp://me:secret@host/a.jpg?secret",
        "s3://me:secret@bucket/a.jpg",
        "file://me:secret@host/a.jpg",
    ],
)
def test_no_message_shows_a_password_or_the_values_of_a_query(url):
    with pytest.raises(ImageError) as caught:
        read(url)
    assert (
        "secret" not in "".join(traceback.format_exception(caught.value)).partition("Error:")[2]
    )


def test_what_urllib3_logs_has_no_secrets(server, caplog):
    """It warns of headers like these, and a warning reaches the terminal."""
    caplog.set_level("DEBUG")
    answer = quote("HTTP/1.1 404 No\r\nno header \x1b\r\n\r\n")
    with pytest.raises(ImageError):
        read(f"{server.url}/raw/{answer}?key=secret")
    assert "parse headers" in caplog.text
    assert "key=..." in caplog.text
    assert "secret" not in caplog.text
    assert caplog.text.replace("\n", "").isprintable()


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
