"""Damage gives the right rows, at most one warning, and a store that can be cleared."""

from __future__ import annotations

import numpy as np
import pytest
from store_damages import DAMAGES, Trials

EACH = 6  # ``benchmarks/robustness.py damages`` tries as many as one likes


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    return Trials(tmp_path_factory.mktemp("damages"))


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("damage", DAMAGES)
def test_damages_at_random(trials, damage):
    for number in range(EACH):
        trials.run(damage, np.random.default_rng([7, number]))
