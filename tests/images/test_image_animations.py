"""frames="mean": an animation is the mean of its frames; all else stays as it is.

Ten thousand frames are allowed, and fewer where a test counts them.
"""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image, ImageFile

from skembed import ImageError, PretrainedEmbedder, backbones, config_context
from skembed.images import _pillow, prepare, read

LEVELS = (0, 100, 230)


def animation(kind, levels=LEVELS, side=(6, 8), **options) -> bytes:
    frames = [Image.fromarray(np.full((*side, 3), level, np.uint8)) for level in levels]
    stream = io.BytesIO()
    options = {"save_all": True, "append_images": frames[1:], "duration": 50} | options
    frames[0].save(stream, kind, **({"lossless": True} if kind == "WEBP" else {}) | options)
    return stream.getvalue()


def level(data, frames):
    pixels = prepare(read(data), (4, 4), frames=frames)
    assert np.ptp(pixels.astype(int)) <= 1
    return int(pixels[0, 0, 0])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_mean_is_taken_where_it_is_asked_for(kind):
    data = animation(kind)
    assert level(data, "first") == 0
    assert level(data, "mean") == 110


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_images_that_are_no_animation_are_as_they_were(kind):
    # Two pages of a TIFF are no frames in time.
    still = animation(kind, (40, 90)) if kind == "TIFF" else animation(kind, (40,))
    assert level(still, "first") == level(still, "mean") == 40


def test_only_what_changes_between_frames_is_stored_and_all_is_averaged():
    frames = [Image.new("RGB", (20, 10), (60, 60, 60)) for _ in range(3)]
    frames[1].paste((90, 90, 90), (15, 0, 20, 5))
    frames[2].paste((240, 240, 240), (0, 0, 5, 5))
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    pixels = prepare(read(stream.getvalue()), (10, 20), frames="mean")
    assert pixels[2, 2].tolist() == [120] * 3
    assert pixels[8, 15].tolist() == [60] * 3


def test_a_picture_beside_the_frames_is_none_of_them():
    data = animation("PNG", default_image=True)
    assert level(data, "first") == 0
    assert level(data, "mean") == 165


def test_frames_are_bounded(monkeypatch):
    monkeypatch.setattr(_pillow, "_MOST_FRAMES", 3)
    assert level(animation("GIF"), "mean") == 110
    with pytest.raises(ImageError, match="more than 3 frames of 8 x 6 pixels"):
        level(animation("GIF", (0, 50, 100, 150)), "mean")
    with (
        config_context(max_image_pixels=40),
        pytest.raises(ImageError, match="max_image_pixels"),
    ):
        level(animation("GIF"), "mean")


def test_truncated_animations_are_refused(monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8)
    frames = [Image.fromarray(frame) for frame in noise]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    data = stream.getvalue()[: len(stream.getvalue()) * 2 // 3 + 500]
    with pytest.raises(ImageError, match="damaged or cut short"):
        level(data, "mean")
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ImageError, match="an animation: whether it is whole"):
        level(data, "mean")


def test_a_backbone_says_which_and_keeps_its_key_where_it_says_nothing():
    first = backbones.get("mobilenet")
    mean = dataclasses.replace(
        first, preparation=dataclasses.replace(first.preparation, frames="mean")
    )
    assert first.fingerprint() != mean.fingerprint()
    assert "frames" not in repr(first.preparation)
    seen = [
        PretrainedEmbedder(one).prepare(animation("GIF"))[0, 0, 0, 0] for one in (first, mean)
    ]
    np.testing.assert_allclose(seen, [-1, 110 / 127.5 - 1], atol=1e-6)
    with pytest.raises(ValueError, match=r"frames='median' is not known. Did you mean 'mean'"):
        backbones.Preparation(frames="median")
