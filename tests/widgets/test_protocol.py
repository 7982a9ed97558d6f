"""Widgets ask of their page no more than anywidget promises in every notebook."""

from __future__ import annotations

import re

import pytest

from skembed import widgets

WIDGETS = [getattr(widgets, name) for name in widgets.__all__]
# https://anywidget.dev/en/afm: what a front end has to bring.
PROMISED = {"get", "set", "save_changes", "on", "off", "send"}


@pytest.mark.parametrize("kind", WIDGETS, ids=lambda kind: kind.__name__)
def test_a_module_stands_alone(kind):
    module = kind._esm
    assert not re.search(r"^\s*import\b|\bimport\s*\(|\brequire(js)?\b|\bfetch\(", module, re.M)
    assert set(re.findall(r"https?://[^\"'\s]+", module)) <= {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"\bmodel\.(\w+)", module)) <= PROMISED
    assert len(re.findall(r"^export default ", module, re.M)) == 1
    assert "@import" not in kind._css
    assert "url(" not in kind._css
