"""The grammar of resize conventions."""

from __future__ import annotations

import pytest

from skembed.images import RESIZE_FILTERS, ResizeConvention, resize_convention


@pytest.mark.parametrize("filter_name", RESIZE_FILTERS)
@pytest.mark.parametrize("prefix", ["", "warp-", "pad-", "crop-", "crop-0.875-", "crop-.5-"])
def test_every_geometry_with_every_filter(prefix, filter_name):
    convention = resize_convention(prefix + filter_name)
    assert convention.filter == filter_name
    assert convention.geometry == (prefix or "warp").split("-")[0]
    assert convention.fraction == {"crop-0.875-": 0.875, "crop-.5-": 0.5}.get(prefix, 1)
    assert resize_convention(convention.name) == convention
    assert resize_convention(convention) is convention


@pytest.mark.parametrize("geometry", ["warp", "pad", "crop", "crop-0.875"])
def test_a_bare_geometry_takes_the_defaults_filter(geometry):
    default = "crop-0.5-pil-bicubic-antialias"
    convention = resize_convention(geometry, default)
    assert convention.filter == "pil-bicubic-antialias"
    assert convention == resize_convention(geometry, resize_convention(default))
    assert convention.fraction == (0.875 if geometry == "crop-0.875" else 1)


def test_one_name_a_convention():
    assert resize_convention("warp-pil-nearest").name == "pil-nearest"
    assert resize_convention("crop-1.0-pil-nearest").name == "crop-pil-nearest"
    assert resize_convention("crop-.8750-pil-nearest").name == "crop-0.875-pil-nearest"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pil-bilinear-antialas", "Did you mean 'pil-bilinear-antialias'"),
        ("crop-0.875-pil-bicubic", "'crop-0.875-pil-bicubic-antialias'"),
        ("wrap", "Did you mean 'warp'"),
        ("", "not known"),
        ("pad-", "not known"),
        ("-pil-nearest", "not known"),
        ("padpil-nearest", "not known"),
        ("crop-x-pil-nearest", "not known"),
        ("crop-0-pil-nearest", r"fraction must lie in \(0, 1\]"),
        ("crop-1.5", r"fraction must lie in \(0, 1\]"),
        (None, "not known"),
        (224, "not known"),
    ],
)
def test_bad_names(name, words):
    with pytest.raises(ValueError, match=words):
        resize_convention(name)


def test_bad_fields():
    with pytest.raises(ValueError, match=r"geometry 'wrap'.*'warp'"):
        ResizeConvention("wrap")
    with pytest.raises(ValueError, match="filter 'bilinear'"):
        ResizeConvention("warp", "bilinear")
    with pytest.raises(ValueError, match="Only 'crop'"):
        ResizeConvention("pad", fraction=0.5)
