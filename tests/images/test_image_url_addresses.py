"""URLs that lead to this machine or into a private network, at once or by a redirect.

Of public addresses the rule is asked by itself: no test connects to them.
"""

from __future__ import annotations

import socket

import pytest
from url_server import DATA

from skembed import ImageError, PretrainedEmbedder, config_context
from skembed.images import read
from skembed.images._urls._addresses import is_public

LOCAL = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.%31",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "0.0.0.0",  # noqa: S104 - nothing binds to it
    "0",
    "10.0.0.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2001:0:1::1]",
    "[2001:db8::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[ff02::1]",
]


@pytest.mark.parametrize("host", LOCAL)
@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
def test_a_private_address_in_a_url_is_refused_by_a_proxy_or_without(host, proxy, monkeypatch):
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(ImageError, match=r"refused.*allow_private_urls=True"):
        read(f"http://{host}:9/a.jpg")


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "172.32.0.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
     "::ffff:93.184.215.14", "64:ff9b::93.184.215.14", "2002:5db8:d70e::1"],
)  # fmt: skip
def test_public_addresses(address):
    assert is_public(address)


def test_nothing_is_sent_to_a_private_address(server):
    with config_context(allow_private_urls=False), pytest.raises(ImageError, match="refused"):
        read(f"{server.url}/rocket.jpg")
    assert server.seen == []


def _resolve(monkeypatch, *answers):
    """Have every name resolve to the next of `answers`, as by a server of names that lies."""
    answers, look_up = list(answers), socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda _, port, **options: look_up(answers.pop(0), port, **options),
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.3"])
def test_a_name_of_a_private_address_is_refused_before_it_is_connected_to(
    server, address, monkeypatch
):
    _resolve(monkeypatch, address, address)
    url = f"http://photos.example:{server.port}/rocket.jpg"
    with (
        config_context(allow_private_urls=False),
        pytest.raises(ImageError, match=f"photos.example.* at the private address {address}"),
    ):
        read(url)
    assert server.seen == []


def test_a_connection_that_was_allowed_is_not_lent_to_who_is_not(server, monkeypatch):
    _resolve(monkeypatch, *["127.0.0.1"] * 3)
    url = f"http://photos.example:{server.port}/rocket.jpg"
    assert read(url).data == DATA
    with config_context(allow_private_urls=False), pytest.raises(ImageError, match="refused"):
        read(url)


def test_a_redirect_to_a_private_address_is_refused(server, monkeypatch):
    """Through a proxy, for a server on this machine cannot have another address."""
    monkeypatch.setenv("http_proxy", server.url)
    with (
        config_context(allow_private_urls=False),
        pytest.raises(
            ImageError,
            match=r"^http://photos\.example/to/\S* \(redirected to http://127\.0\.0\.1:9/a, .*"
            "refused",
        ),
    ):
        read("http://photos.example/to/http:%2F%2F127.0.0.1:9%2Fa")


def test_the_error_names_the_row(server):
    embedder = PretrainedEmbedder(image_size=64, cache=False)
    with (
        config_context(allow_private_urls=False),
        pytest.raises(ImageError, match=r"^Row 0: http://127.*refused"),
    ):
        embedder.transform([f"{server.url}/rocket.jpg"])
