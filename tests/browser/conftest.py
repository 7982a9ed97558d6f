"""One browser and one server for the tests here, and a page for each."""

from __future__ import annotations

import shutil

import pytest

# Playwright is imported where it is used: every run loads this file, with a browser or without.


# Not of the session: while Playwright runs, this thread has an event loop that runs, which
# whatever else calls `asyncio.run` would trip over.
@pytest.fixture(scope="package")
def browser():
    from jupyter_lab import BROWSER_OPTIONS
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium; on Debian: apt-get install chromium fonts-dejavu-core")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=BROWSER_OPTIONS)


@pytest.fixture(scope="package")
def server(tmp_path_factory):
    """The address, the folder that is served, and that of the settings."""
    from jupyter_lab import jupyter_server

    own = tmp_path_factory.mktemp("jupyter")
    folder = own / "notebooks"
    folder.mkdir()
    with jupyter_server(folder, own) as address:
        yield address, folder, own


@pytest.fixture(scope="package")
def context(browser):
    """Keeps JupyterLab's files, compiled: a page need not fetch and compile megabytes anew."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(20_000)
        yield context


@pytest.fixture
def lab(request, context, server, forked_kernel):
    """JupyterLab, light; dark for ``parametrize("lab", ["dark"], indirect=True)``.

    Whatever the test looks at, the page must not have complained in the end.
    """
    from jupyter_lab import Lab, set_theme

    address, folder, own = server
    set_theme(own, getattr(request, "param", "light"))
    opened = Lab(context, address, folder, forked_kernel)
    yield opened
    try:
        opened.check()
    finally:
        opened.close()
