from __future__ import annotations

import pytest
from url_server import running

from skembed import config_context


@pytest.fixture
def server():
    """A server on this machine, which may be asked for images while the test runs."""
    with running() as server, config_context(allow_private_urls=True):
        yield server


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Whatever proxy this machine has, it does not lead to the servers of tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
