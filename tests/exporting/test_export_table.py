"""The table of what is written as what, in the documentation as well."""

from __future__ import annotations

from pathlib import Path

import pytest

import skembed
from skembed import PretrainedEmbedder, exporting, formats
from skembed.formats.keras import KerasFormat

PAGE = Path(__file__).parents[2] / "docs" / "exporting.md"


def test_the_page_has_the_table():
    found = exporting.table()
    heading = " | ".join(f"`{suffix}`" for suffix in found)
    lines = [f"| | {heading} |", "|" + " --- |" * (1 + found.shape[1])]
    lines += [f"| {name} | {' | '.join(row)} |" for name, row in found.T.items()]
    assert "\n".join(lines) in PAGE.read_text()


def test_a_format_of_networks_that_is_registered_has_a_row():
    class Own(KerasFormat):
        name, suffixes, objects = "own", (".own",), ""

        def read(self, path):
            raise NotImplementedError

    formats.register(Own())
    try:
        assert exporting.table().loc["own", ".onnx"] == "yes"
    finally:
        formats.unregister("own")


def test_what_is_no_network_of_layers_is_refused(tmp_path):
    assert set(exporting.table().loc["hmax"][:6]) == {"no"}
    with pytest.raises(ValueError, match="'hmax' is a network of the format 'hmax'"):
        skembed.export(PretrainedEmbedder("hmax", cache=False), tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []
