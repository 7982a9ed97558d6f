"""What tests of several estimators are fitted on, and in blocks of how many values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skembed.estimators import _arrays


@pytest.fixture
def in_blocks(monkeypatch) -> Callable[[int], None]:
    """Let arrays be taken a few values at a time: else one of 30 MB is a single block."""
    return lambda n_values: monkeypatch.setattr(_arrays, "_BLOCK", n_values)


@pytest.fixture(scope="session")
def digits():
    """Written digits as three random layers see them: X, y, and the columns of each layer."""
    images, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    widths = (40, 200, 90)
    parts = [np.maximum(images[:240] @ rng.normal(size=(64, width)), 0) for width in widths]
    ends = np.cumsum(widths)
    layers = {
        f"conv{i}": slice(int(end) - width, int(end))
        for i, (end, width) in enumerate(zip(ends, widths, strict=True))
    }
    return np.hstack(parts), y[:240], layers
