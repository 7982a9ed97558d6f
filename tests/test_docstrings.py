"""Public names have the docstrings that numpydoc asks for."""

from __future__ import annotations

import enum
import importlib
import inspect
import operator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from numpydoc.validate import validate

import skembed

# Every name of the reference, as the docs list them: what is public is documented there.
REFERENCE = Path(__file__).parents[1] / "docs" / "api.md"
MODULES = (
    "backbones",
    "bigml",
    "engines",
    "exporting",
    "formats",
    "layers",
    "images",
    "extraction",
    "inspection",
    "testing",
    "tflite",
    "widgets",
)
# Left out: how a summary begins and ends, which ruff sees to; a longer text and "See Also", which
# not every function needs.
CHECKS = {
    *("GL02", "GL03", "GL06", "GL07", "GL08"),
    *("PR01", "PR02", "PR03", "PR04", "PR07"),
    *("RT01", "RT03"),
}


def _names() -> list[str]:
    lines = REFERENCE.read_text().splitlines()
    return [
        line.strip()
        for line in lines
        if line.startswith("   ") and ":" not in line and line.strip()
    ]


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"skembed.{name}".rstrip("."))


def _thing(name: str) -> Any:
    module, _, last = name.rpartition(".")
    return getattr(_module(module), last)


def _thing_or_method(name: str) -> Any:
    return operator.attrgetter(name)(skembed)


def _public(name: str) -> list[str]:
    """The name, and the methods of a class that are its own."""
    thing = _thing(name)
    methods = vars(thing) if inspect.isclass(thing) and not issubclass(thing, Exception) else {}
    own = [m for m, v in methods.items() if not m.startswith("_") and inspect.isfunction(v)]
    return [name, *(f"{name}.{method}" for method in own)]


# numpydoc looks at every attribute, also at those of ipywidgets that warn.
@pytest.mark.filterwarnings("ignore:Widget._?[a-z_]+ is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", [each for name in _names() for each in _public(name)])
def test_docstring(name):
    found = dict(validate(f"skembed.{name}")["errors"])
    if isinstance(_thing_or_method(name), enum.EnumType):
        found.pop("PR01", None)  # its members are named and not made
    assert {code: what for code, what in found.items() if code in CHECKS} == {}


@pytest.mark.filterwarnings("ignore:Widget._?[a-z_]+ is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", _names())
def test_every_name_has_an_example(name):
    assert "EX01" not in dict(validate(f"skembed.{name}")["errors"])


def test_every_name_leads_to_the_guide(monkeypatch):
    monkeypatch.syspath_prepend(REFERENCE.parent / "_extensions")
    found = importlib.import_module("reference").pages_of()
    assert set(found) == {f"skembed.{name}" for name in _names()}
    assert [name for name, places in found.items() if not places] == []
    assert "/start" in found["skembed.PretrainedEmbedder"]


def test_the_reference_lists_all_that_is_public():
    listed = set(_names())
    public = {name for name in skembed.__all__ if name not in (*MODULES, "__version__")}
    for module in map(_module, MODULES):
        public |= {
            f"{module.__name__.removeprefix('skembed.')}.{name}"
            for name in module.__all__
            if callable(getattr(module, name)) and name not in skembed.__all__
        }
    assert public - listed == set()
