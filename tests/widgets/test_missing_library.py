"""What is said where the extra is not installed, and that nothing loads it unasked."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow  # a new process

PROGRAM = """
import sys
import skembed
print("anywidget" in sys.modules)
sys.modules["anywidget"] = None
try:
    skembed.widgets
except ImportError as error:
    print(type(error).__name__, error)
"""


def test_one_error_names_the_extra(python):
    loaded, error = python(PROGRAM).splitlines()
    assert loaded == "False"
    assert error.startswith("MissingLibraryError skembed.widgets needs anywidget")
    assert "[notebook]" in error
