"""For tests and doctests alike: nothing they do reaches the user's own caches."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_caches(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKEMBED_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        # Keras writes its settings there, and downloads into it.
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield
