"""For tests, doctests and notebooks alike: nothing they do reaches the user's own caches."""

from __future__ import annotations

import tempfile

import pytest


def pytest_configure(config):
    """Set the variables for the whole run: a notebook's kernel is started by no fixture."""
    folder = tempfile.TemporaryDirectory(prefix="skembed-tests-", ignore_cleanup_errors=True)
    patch = pytest.MonkeyPatch()
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(patch.undo)
    patch.setenv("SKEMBED_CACHE_DIR", f"{folder.name}/cache")
    # Keras writes its settings there, and downloads into it.
    patch.setenv("KERAS_HOME", f"{folder.name}/keras")
