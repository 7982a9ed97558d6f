"""The tiles of the demo."""

from __future__ import annotations

import pytest

from skembed._optional import scikit_image_data
from skembed.evaluation._demo_images import demo_images


@pytest.fixture(scope="session")
def tiles():
    return demo_images(scikit_image_data())
