"""The tiles of the demo."""

from __future__ import annotations

import pytest

from skembed.evaluation import demo_images


@pytest.fixture(scope="session")
def tiles():
    return demo_images()
