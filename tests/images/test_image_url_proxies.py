"""Proxies of the environment, and passwords in URLs, on real servers."""

from __future__ import annotations

import base64
import traceback

import pytest
from url_server import DATA, running

from skembed import ImageError, config_context
from skembed.images import read

AWAY = "http://photos.example"


def _basic(plain):
    return f"Basic {base64.b64encode(plain.encode()).decode()}"


@pytest.fixture
def proxy(monkeypatch):
    """A proxy that is configured for http and https, and answers for every host."""
    with running() as server:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://user:p%40ss@127.0.0.1:{server.port}")
        yield server


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_environment_s_proxy_is_used_wherever_it_is(name, scheme, server, monkeypatch):
    monkeypatch.setenv(name, f"{scheme}127.0.0.1:{server.port}")
    with config_context(allow_private_urls=False):
        assert read(f"{AWAY}/rocket.jpg").data == DATA
    ((path, headers),) = server.seen
    assert path == f"{AWAY}/rocket.jpg"
    assert headers["Host"] == "photos.example"
    assert "Proxy-Authorization" not in headers


def test_the_proxy_is_told_its_password_and_nobody_else_is(server, proxy, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert read(f"{AWAY}/to/{server.url}%2Frocket.jpg").data == DATA
    assert [headers.get("Proxy-Authorization") for _, headers in proxy.seen] == [
        _basic("user:p@ss")
    ]
    ((_, headers),) = server.seen
    assert "Proxy-Authorization" not in headers


@pytest.mark.parametrize(
    "no_proxy",
    ["*", "127.0.0.1", "x.example, 127.0.0.1", "127.0.0.0/8", "10.0.0.0/8,127.0.0.0/8"],
)
def test_no_proxy_is_heeded(server, proxy, no_proxy, monkeypatch):
    monkeypatch.setenv("no_proxy", no_proxy)
    assert read(f"{server.url}/rocket.jpg").data == DATA
    assert proxy.seen == []
    # What goes without a proxy is checked as ever.
    with config_context(allow_private_urls=False), pytest.raises(ImageError, match="refused"):
        read(f"{server.url}/rocket.jpg")


def test_by_tls_a_proxy_s_refusal_is_said(server, monkeypatch):
    monkeypatch.setenv("https_proxy", server.url)
    with pytest.raises(
        ImageError, match=rf"through the proxy {server.url}\) cannot be fetched: .*503 \\x1b"
    ):
        read("https://photos.example:503/rocket.jpg")


def test_an_error_names_the_proxy_without_its_password(proxy):
    with pytest.raises(ImageError) as caught:
        read(f"{AWAY}/gone")
    assert str(caught.value) == (
        f"{AWAY}/gone (through the proxy http://127.0.0.1:{proxy.port}): "
        "the server answered 410 Gone."
    )


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (
            "http://user:secret@127.0.0.1:9",
            r"proxy http://127\.0\.0\.1:9\): no answer .*refused",
        ),
        ("socks5://user:secret@127.0.0.1:9", "a proxy is http:// or https:// here.*socks5://"),
        ("http://user:secret@[::1", "proxy's address is not a URL"),
    ],
)
def test_a_proxy_that_cannot_be_used(address, words, monkeypatch):
    monkeypatch.setenv("http_proxy", address)
    with pytest.raises(ImageError, match=words) as caught:
        read(f"{AWAY}/a.jpg")
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def _with_user(server, user="me:pass%20word"):
    return f"http://{user}@127.0.0.1:{server.port}"


def test_user_and_password_of_a_url_are_sent(server):
    assert read(f"{_with_user(server)}/private").data == DATA
    ((path, headers),) = server.seen
    assert path == "/private"
    assert headers["Host"] == f"127.0.0.1:{server.port}"


def test_they_are_sent_through_a_proxy_and_not_to_it(proxy):
    assert read("http://me:pass%20word@photos.example/private").data == DATA
    assert proxy.seen[0][0] == f"{AWAY}/private"
    assert proxy.seen[0][1]["Proxy-Authorization"] == _basic("user:p@ss")


def test_a_wrong_password_is_not_shown(server):
    with pytest.raises(ImageError, match="answered 401") as caught:
        read(f"{_with_user(server, 'me:secret')}/private")
    assert str(caught.value).startswith(f"{server.url}/private: ")


@pytest.mark.parametrize(
    ("user", "sent"),
    [("me", "me:"), ("me:", "me:"), ("m%C3%A9:a:b", "m\u00e9:a:b"), ("", None)],
)
def test_what_of_a_user_is_sent(server, user, sent):
    read(f"{_with_user(server, user)}/rocket.jpg")
    assert server.seen[0][1].get("Authorization") == (_basic(sent) if sent else None)


def test_a_redirect_takes_the_password_to_the_same_server_only(server):
    with running() as other:
        for target in (server, other):
            url = f"{_with_user(server)}/to/http:%2F%2F127.0.0.1:{target.port}%2Frocket.jpg"
            assert read(url).data == DATA
    assert all(headers["Authorization"] for _, headers in server.seen)
    assert len(server.seen) == 3
    ((_, headers),) = other.seen
    assert "Authorization" not in headers
