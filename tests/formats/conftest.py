"""JAX runs the networks here."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _jax_alone(jax_alone):
    """As `jax_alone` says."""
