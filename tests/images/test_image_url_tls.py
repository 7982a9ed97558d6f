"""Images by https: from a server whose certificate, for tests only, lies beside this file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from url_server import DATA, running

from skembed import ImageError, config_context
from skembed.images import read

CERTIFICATE = Path(__file__).with_name("test_server.pem")
# Certificates are loaded once in a process, so each way to trust them needs one of its own.
SCRIPT = """
import json, sys, threading, skembed
skembed.set_config(allow_private_urls=True, url_timeout=0.1)
for url in sys.argv[1:]:
    try:
        print(json.dumps(len(skembed.images.read(url).data)))
    except skembed.ImageError as error:
        print(json.dumps(str(error)))
    for thread in threading.enumerate():
        if thread.name == "skembed-fetch":
            thread.join(2)
            assert not thread.is_alive()
"""


@pytest.fixture
def tls_server():
    with running(CERTIFICATE) as server, config_context(allow_private_urls=True):
        yield server


def _read_all(*urls, **environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *urls],
        env={**os.environ, "SSL_CERT_FILE": str(CERTIFICATE), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_tls_ends_in_time_and_a_proxy_learns_only_its_own_password(tls_server):
    urls = [f"{tls_server.url}/{page}" for page in ("rocket.jpg", "drip", "trailers")]
    urls.append(f"https://me:pass%20word@photos.example:{tls_server.port}/private")
    with running() as proxy:
        proxy_url = f"http://user:pass@127.0.0.1:{proxy.port}"
        direct, *errors, by_proxy = _read_all(
            *urls, https_proxy=proxy_url, no_proxy="127.0.0.1"
        )
    assert direct == by_proxy == len(DATA)
    assert all("was not read within 1.5 s" in error for error in errors)
    ((host, to_proxy),) = proxy.seen
    assert host == f"photos.example:{tls_server.port}"
    assert "Authorization" not in to_proxy
    assert to_proxy["Proxy-Authorization"] == "Basic dXNlcjpwYXNz"
    assert "Proxy-Authorization" not in tls_server.seen[-1][1]


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_server):
    with pytest.raises(ImageError, match=r"cannot be fetched: .*certificate"):
        read(f"{tls_server.url}/rocket.jpg")
