"""One image at a time: embed, embed_to, prepare; embeddings in files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from sklearn.base import clone

from skembed import (
    FullNetworkEmbedder,
    ImageError,
    PretrainedEmbedder,
    backbones,
    load_embedding,
    save_embedding,
)

IMAGES = Path(os.environ.get("SKEMBED_TEST_DATA", "../shared"), "images")
EMBEDDER = PretrainedEmbedder(image_size=64, engine="jax")  # which compiles it soonest


@pytest.mark.slow
def test_embed_is_transform_of_one():
    picture = data.coffee()
    vector = EMBEDDER.embed(picture)
    assert (vector.dtype, vector.shape) == (np.float32, (EMBEDDER.output_shape,))
    np.testing.assert_array_equal(vector, EMBEDDER.transform([picture])[0])
    frames = clone(EMBEDDER).set_output(transform="pandas")
    np.testing.assert_array_equal(frames.embed(picture), vector)
    quantized = clone(EMBEDDER).set_params(normalize="l2", quantize=True)
    assert quantized.embed(picture).dtype == np.int8
    with pytest.raises(ImageError, match=r"not_image\.jpg"):
        EMBEDDER.embed(IMAGES / "not_image.jpg")


@pytest.mark.slow
def test_a_full_network_embeds_one_image_as_well():
    embedder = FullNetworkEmbedder(image_size=64, layers="embedding", engine="jax")
    embedder.fit([data.coffee(), data.chelsea(), data.astronaut()])
    codes = embedder.embed(data.coffee())
    assert codes.dtype == np.int8
    assert codes.shape == (embedder.output_shape,)


def test_embed_to_writes_once(tmp_path):
    path = EMBEDDER.embed_to(tmp_path / "coffee", data.coffee())
    assert path == tmp_path / "coffee.npy"
    vector = load_embedding(path)
    np.testing.assert_array_equal(vector, EMBEDDER.embed(data.coffee()))
    assert EMBEDDER.embed_to(tmp_path / "coffee", "no such image") == path
    np.testing.assert_array_equal(load_embedding(tmp_path / "coffee"), vector)
    EMBEDDER.embed_to(path, data.chelsea(), overwrite=True)
    assert not np.array_equal(load_embedding(path), vector)
    assert os.listdir(tmp_path) == ["coffee.npy"]  # noqa: PTH208


def test_embeddings_are_not_overwritten_unasked_and_are_numbers(tmp_path):
    path = save_embedding(tmp_path / "a.npy", [1.0, 2.0])
    with pytest.raises(FileExistsError, match=r"a\.npy exists: say overwrite=True"):
        save_embedding(tmp_path / "a", [3.0])
    assert load_embedding(path).tolist() == [1, 2]
    save_embedding(path, np.float32([3]), overwrite=True)
    assert load_embedding(path).dtype == np.float32
    for bad in ([object()], "text", 3.0, [1j]):
        with pytest.raises(TypeError, match="vector must hold real numbers"):
            save_embedding(tmp_path / "b", bad)
    assert not (tmp_path / "b.npy").exists()


def test_files_of_pupyl_load_and_others_are_refused(tmp_path):
    vector = np.arange(1024, dtype=np.float32)
    np.save(tmp_path / "pupyl", vector, allow_pickle=False)  # as the original writes them
    np.testing.assert_array_equal(load_embedding(tmp_path / "pupyl"), vector)
    np.save(tmp_path / "pickle.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "many.npz", vector)
    (tmp_path / "short.npy").write_bytes((tmp_path / "pupyl.npy").read_bytes()[:-8])
    for name in ("pickle.npy", "short.npy"):
        with pytest.raises(ValueError, match=f"{name} holds no numbers, or is damaged"):
            load_embedding(tmp_path / name)
    with pytest.raises(ValueError, match=r"is no \.npy file"):
        load_embedding(tmp_path / "many.npz")


def bilinear_antialias(pixels, side):
    """Each target pixel as the mean of the source pixels around its centre, by a triangle."""
    for axis in (0, 1):
        n = pixels.shape[axis]
        scale = n / side
        centres = (np.arange(side) + 0.5) * scale
        distance = np.abs(np.arange(n) + 0.5 - centres[:, None]) / max(scale, 1)
        weights = np.clip(1 - distance, 0, None)
        weights /= weights.sum(axis=1, keepdims=True)
        pixels = np.moveaxis(np.tensordot(weights, pixels, (1, axis)), 0, axis)
    return pixels


@pytest.mark.parametrize("tier", [1, 4, 6, 8])
@pytest.mark.parametrize(
    "name", ["dog.jpg", "sparrow.png", "square_car.png", "test_gif.gif", "test_grayscale.jpg"]
)
def test_preparation_is_the_float_one(tier, name):
    spec = backbones.get(tier)
    side = spec.input_size[0]
    with Image.open(IMAGES / name) as image:
        n = getattr(image, "n_frames", 1)
        frames = [np.asarray(image.convert("RGB"), float) for _ in map(image.seek, range(n))]
    want = bilinear_antialias(np.mean(frames, axis=0), side)
    want = (want - spec.preparation.mean) / spec.preparation.std
    got = PretrainedEmbedder(tier).prepare(IMAGES / name)
    assert (got.shape, got.dtype) == ((1, side, side, 3), np.float32)
    scale = 255 / np.mean(spec.preparation.std)
    assert np.abs(got[0] - want).mean() < 0.012 * scale


@pytest.mark.parametrize("name", ["one.bmp", "one.webp", "one.tif", "one.gif", "la.png"])
def test_formats_that_the_original_refused_or_crashed_on(tmp_path, name):
    grey = Image.fromarray(np.arange(120, dtype=np.uint8).reshape(10, 12))
    image = grey.convert("LA") if name == "la.png" else grey.convert("RGB")
    image.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    seen = PretrainedEmbedder(1).prepare(tmp_path / name)
    want = bilinear_antialias(np.asarray(grey, float), 224) / 127.5 - 1
    assert np.abs(seen[0] - want[..., None]).mean() < 0.012 * 2
