"""Damaged images of every format are refused or read, and never anything else."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

MUTANTS = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "mutants.py"))


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some damage
@pytest.mark.parametrize("begin", range(0, 600, 100))
def test_a_few_mutants(begin):
    outcomes = set()
    for number in range(begin, begin + 100):
        _, data, rng = MUTANTS["mutant"](0, number)
        outcomes.add(MUTANTS["outcome"](data, rng))
    assert outcomes == {"read", "refused"}
