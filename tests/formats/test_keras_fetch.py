"""Keras' own download, from a local server into a cache of the test's own.

It is called by itself: the files are no weights of any network.
"""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import os
import signal
import socket
import threading
import time

import numpy as np
import pytest

from skembed import WeightsError, backbones, config_context
from skembed.backbones import WeightsFile
from skembed.formats.keras import load
from skembed.formats.keras._fetch import fetch

CONTENT = bytes(range(256)) * 512


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"good.h5": CONTENT, "short.h5": CONTENT}
        self.requests = []

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        name = self.path.lstrip("/")
        self.server.requests.append(name)
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: 1000 if name == "short.h5" else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.fixture
def dead_url():
    """A port that nothing listens on: it is taken and not listened to until the test ends."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/weights.h5"


def md5(content):
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


@pytest.mark.parametrize(
    "digest", ["", md5(CONTENT), f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"]
)
def test_downloaded_once_into_keras_cache(server, home, digest):
    file = WeightsFile(file="good.h5", url=server.url("good.h5"), digest=digest)
    path = fetch(file, "net")
    assert path == home / "models" / "good.h5"
    assert path.read_bytes() == CONTENT
    assert fetch(file, "net") == path
    assert server.requests == ["good.h5"]


def test_threads_that_want_one_file_download_it_once(server):
    file = WeightsFile(file="good.h5", url=server.url("good.h5"), digest=md5(CONTENT))
    threads = [threading.Thread(target=fetch, args=(file, "net")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.requests == ["good.h5"]


# Keras 3.15 saves its variables by a call that NumPy 2 deprecates.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_imagenet_weights_come_through_the_cache(server, home):
    backbone = dataclasses.replace(backbones.get("mobilenet_v3_small"), input_size=(64, 64))
    random = load(dataclasses.replace(backbone, name="other"), None, False)
    home.mkdir(exist_ok=True)
    random.save_weights(home / "made.weights.h5")
    content = (home / "made.weights.h5").read_bytes()
    server.files["small.weights.h5"] = content
    file = WeightsFile(
        file="small.weights.h5", url=server.url("small.weights.h5"), digest=md5(content)
    )
    backbone = dataclasses.replace(backbone, weights=(file, backbone.weights[1]))
    model = load(backbone, "imagenet", False)
    for ours, theirs in zip(model.weights, random.weights, strict=True):
        np.testing.assert_array_equal(ours.value, theirs.value)


def test_a_dead_server_is_one_error_that_says_everything(home, dead_url):
    file = WeightsFile(file="weights.h5", url=dead_url, digest=md5(CONTENT))
    start = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        fetch(file, "resnet50")
    assert time.monotonic() - start < 5
    message = str(caught.value)
    for part in ("'weights.h5'", "'resnet50'", dead_url, str(home / "models/weights.h5"),
                 "weights='"):  # fmt: skip
        assert part in message
    assert message.count(dead_url) == 1
    assert "No download is needed for 'efficientnet_lite0'" in message
    assert "\n" not in message
    # Keras' own traceback would be a screen long.
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert not (home / "models/weights.h5").exists()


def test_a_silent_server_is_not_waited_for():
    before = socket.getdefaulttimeout()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weights.h5"
        start = time.monotonic()
        with (
            config_context(url_timeout=0.3),
            pytest.raises(WeightsError, match=r"timed out.*weights\.h5"),
        ):
            fetch(WeightsFile(file="weights.h5", url=url), "net")
    assert time.monotonic() - start < 4
    assert socket.getdefaulttimeout() == before


def _message(file):
    with pytest.raises(WeightsError) as caught:
        fetch(file, "net")
    return str(caught.value)


_FETCH = """
from skembed import WeightsError
from skembed.backbones import WeightsFile
from skembed.formats.keras._fetch import fetch
try:
    fetch({file!r}, "net")
except WeightsError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_failed_download_is_not_tried_again_at_once(server, home, without_jax):
    file = WeightsFile(file="gone.h5", url=server.url("gone.h5"))
    # Equal, so that scikit-learn counts the errors of many fits as one.
    assert len({_message(file) for _ in range(30)}) == 1
    assert server.requests == ["gone.h5"]
    # Nor by other processes.
    assert without_jax(_FETCH.format(file=file)) == _message(file)
    assert server.requests == ["gone.h5"]


def test_a_failed_download_is_tried_again_in_a_while_or_when_its_note_is_removed(server, home):
    file = WeightsFile(file="late.h5", url=server.url("late.h5"))
    note = home / "models/late.h5.failed"
    assert str(note) in _message(file)
    an_hour_ago = time.time() - 3600
    os.utime(note, (an_hour_ago, an_hour_ago))
    _message(file)
    assert len(server.requests) == 2
    note.unlink()
    _message(file)
    assert len(server.requests) == 3
    # The failure of one address says nothing of another.
    server.files["other/late.h5"] = CONTENT
    other = dataclasses.replace(file, url=server.url("other/late.h5"))
    assert fetch(other, "net").read_bytes() == CONTENT
    assert not note.exists()


def test_a_file_put_there_after_a_failure_is_used_at_once(home, dead_url):
    file = WeightsFile(file="weights.h5", url=dead_url, digest=md5(CONTENT))
    _message(file)
    (home / "models/weights.h5").write_bytes(CONTENT)
    assert fetch(file, "net") == home / "models/weights.h5"


@pytest.mark.parametrize("note", ["", "{}", "[1]", "\x00"])
def test_a_damaged_note_is_no_note(server, home, note):
    (home / "models").mkdir(parents=True)
    (home / "models/good.h5.failed").write_text(note)
    file = WeightsFile(file="good.h5", url=server.url("good.h5"))
    assert fetch(file, "net").read_bytes() == CONTENT


def test_an_interrupted_download_leaves_no_note(home):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weights.h5"
        main = threading.main_thread().ident
        threading.Timer(0.5, signal.pthread_kill, [main, signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            fetch(WeightsFile(file="weights.h5", url=url), "net")
    assert not (home / "models/weights.h5.failed").exists()


def test_a_missing_file_on_the_server(server):
    file = WeightsFile(file="gone.h5", url=server.url("gone.h5"))
    with pytest.raises(WeightsError, match="404"):
        fetch(file, "net")


def test_an_altered_file_is_said_to_be_altered(server):
    file = WeightsFile(file="good.h5", url=server.url("good.h5"), digest=md5(b"another"))
    with pytest.raises(WeightsError, match="incomplete or altered"):
        fetch(file, "net")


def test_a_truncated_download_is_said_to_be_truncated(server, home):
    file = WeightsFile(file="short.h5", url=server.url("short.h5"))
    with pytest.raises(WeightsError, match="incomplete"):
        fetch(file, "net")
    assert not (home / "models/short.h5").exists()


def test_a_damaged_file_in_the_cache_is_fetched_again(server, home):
    (home / "models").mkdir(parents=True)
    (home / "models/good.h5").write_bytes(CONTENT[:100])
    file = WeightsFile(file="good.h5", url=server.url("good.h5"), digest=md5(CONTENT))
    assert fetch(file, "net").read_bytes() == CONTENT


def test_a_file_put_there_by_hand_needs_no_network(home, dead_url):
    (home / "models").mkdir(parents=True)
    (home / "models/weights.h5").write_bytes(CONTENT)
    file = WeightsFile(file="weights.h5", url=dead_url, digest=md5(CONTENT))
    assert fetch(file, "net") == home / "models/weights.h5"


def test_a_cache_that_cannot_be_made_is_named(tmp_path, monkeypatch, dead_url):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="file/models"):
        fetch(WeightsFile(file="weights.h5", url=dead_url), "net")


def test_without_keras_home_it_is_the_user_s_directory(monkeypatch, tmp_path, dead_url):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    theirs = tmp_path / ".keras" / "models" / "weights.h5"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(CONTENT)
    assert fetch(WeightsFile(file="weights.h5", url=dead_url), "net") == theirs
