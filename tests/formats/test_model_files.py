"""Files with a network in them: which load, and what is said of those that do not."""

from __future__ import annotations

import dataclasses
import io
import mmap
import os
import random
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from skembed import PretrainedEmbedder, WeightsError, backbones
from skembed.formats.keras import load

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
# A developer sets it to some hundreds.
MUTATIONS = int(os.environ.get("SKEMBED_TEST_MUTATIONS", "40"))


@pytest.fixture(scope="module")
def model():
    import keras

    layers = [keras.layers.Conv2D(4, 3, name="conv"), keras.layers.ReLU(name="relu")]
    return keras.Sequential([keras.Input((8, 8, 3), name="image"), *layers], name="tiny")


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "tiny.keras"
    model.save(path)
    return path.read_bytes()


def _remade(saved: bytes, **changed: bytes) -> bytes:
    """The archive with other members, and right checksums."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = changed.get(name.split(".")[0], old.read(name))
            new.writestr(name, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _mutated(data: bytes, draw: random.Random) -> bytes:
    """`data` with a byte or a run of bytes changed, removed or repeated."""
    at, n = draw.randrange(len(data)), draw.choice([1, 1, 1, 4, 64])
    instead = draw.choice(
        [
            bytes([data[at] ^ 1 << draw.randrange(8)]),
            draw.randbytes(n),
            b"",
            2 * data[at : at + n],
        ]
    )
    return data[:at] + instead + data[at + max(n, 1) :] if draw.random() < 0.9 else data[:at]


@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras', of weights it does not look for
@pytest.mark.parametrize("within", ["archive", "config", "metadata", "model"])
def test_a_damaged_file_is_named_or_changes_nothing(model, saved, tmp_path, within):
    draw = random.Random(within)  # noqa: S311
    members = zipfile.ZipFile(io.BytesIO(saved))
    content = {name.split(".")[0]: members.read(name) for name in members.namelist()}
    path = tmp_path / "damaged.keras"
    for _ in range(MUTATIONS // 4):
        whole = within == "archive"
        changed = _mutated(saved if whole else content[within], draw)
        path.write_bytes(changed if whole else _remade(saved, **{within: changed}))
        try:
            backbone = backbones.from_model(path)
        except (WeightsError, ValueError) as error:
            assert "damaged" in str(error)  # noqa: PT017 - it may load as well
        else:
            loaded = load(backbone, "imagenet", False)
            if whole:
                for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
                    np.testing.assert_array_equal(ours, theirs)


def test_one_flipped_byte_of_the_weights_is_told(saved, tmp_path):
    member = zipfile.ZipFile(io.BytesIO(saved)).getinfo("model.weights.h5")
    data, path = bytearray(saved), tmp_path / "flipped.keras"
    data[member.header_offset + 30 + len(member.filename) + member.file_size // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"flipped\.keras.* model\.weights\.h5"):
        PretrainedEmbedder(path).fit(IMAGES)


def test_what_claims_an_absurd_size_is_not_unpacked(saved, tmp_path):
    path = tmp_path / "bomb.keras"
    path.write_bytes(_remade(saved, config=b" " * 2**27))
    with pytest.raises(WeightsError, match=r"config\.json in it claims 134,217,728 bytes"):
        backbones.from_model(path)
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.attrs["model_config"] = "{}"
        file.create_dataset("huge", (2**40,), "f4", chunks=(2**20,), compression="gzip")
    with pytest.raises(WeightsError, match=r"/huge in it claims 4,398,046,511,104 bytes"):
        backbones.from_model(tmp_path / "bomb.h5")


def test_values_in_other_files_are_not_read(tmp_path):
    (tmp_path / "values").write_bytes(bytes(16))
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.create_dataset("x", (4,), "f4", external=[(str(tmp_path / "values"), 0, 16)])
    with pytest.raises(WeightsError, match="/x in it are in another file"):
        backbones.from_model(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["y"] = h5py.ExternalLink("other.h5", "/")
    with pytest.raises(WeightsError, match="/y in it is a link"):
        backbones.from_model(tmp_path / "m.h5")


@pytest.mark.slow
def test_a_string_is_as_good_as_a_path(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    want = PretrainedEmbedder(model, engine="jax", cache=False).transform(IMAGES)
    for name in ("m.keras", "m.h5", "m.hdf5"):
        model.save(name)
        rows = PretrainedEmbedder(name, engine="jax", cache=False).transform(IMAGES)
        np.testing.assert_allclose(rows, want, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("m.onnx", "onnx2tf"),
        ("m.pb", r"model\.save"),
        ("m.pth", r"torch\.onnx\.export"),
        ("m.pt", r"torch\.onnx\.export"),
        ("m.weights.h5", "give the file as weights"),
        ("m.bin", "ends in none of"),
    ],
)
def test_other_files_get_advice(tmp_path, name, advice):
    (tmp_path / name).write_bytes(b"\0")
    for path in (tmp_path / name, str(tmp_path / name)):
        with pytest.raises(WeightsError, match=rf"{name}'.*{advice}"):
            PretrainedEmbedder(path).fit(IMAGES)


def test_a_saved_model_folder_gets_advice(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(WeightsError, match=r"is a TensorFlow SavedModel\..*model\.save"):
        PretrainedEmbedder(str(tmp_path)).fit(IMAGES)


def test_a_lambda_in_an_h5_file_is_not_run(tmp_path):
    import keras

    layers = [keras.Input((8, 8, 3)), keras.layers.Lambda(lambda x: x * 2)]
    keras.Sequential(layers).save(tmp_path / "code.h5")
    with pytest.raises(WeightsError, match="Lambda"):
        backbones.from_model(tmp_path / "code.h5")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["five.h5", "five.weights.h5"])
def test_weights_of_a_network_with_another_head_fill_the_rest(tmp_path, name):
    import keras

    spec = dataclasses.replace(backbones.get("squeezenet1_1"), name="mine", input_size=(64, 64))
    body = load(spec, None, False)
    pooled = keras.layers.GlobalAveragePooling2D()(body.output)
    tuned = keras.Model(body.input, keras.layers.Dense(5, name="head")(pooled))
    (tuned.save_weights if "weights" in name else tuned.save)(tmp_path / name)
    big = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    live = backbones.from_model(body, preparation=spec.preparation)
    rows = [
        PretrainedEmbedder(
            backbone, weights=weights, image_size=64, engine="jax", cache=False
        ).transform(big)
        for backbone, weights in (("squeezenet1_1", tmp_path / name), (live, "imagenet"))
    ]
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-4)


@pytest.mark.slow
def test_a_whole_model_that_fits_no_backbone_is_said_to_be_one(model, tmp_path):
    model.save(tmp_path / "other.h5")
    with pytest.raises(
        WeightsError, match=r"do not fit .*a whole model.*give backbone='.*other\.h5'"
    ):
        PretrainedEmbedder("squeezenet1_1", weights=tmp_path / "other.h5").transform(IMAGES)


def test_a_file_written_through_a_memory_map_is_read_again():
    # A file system in memory, where there is one, leaves the times of such a file as they were.
    memory = next(filter(lambda folder: os.access(folder, os.W_OK), ["/dev/shm"]), None)  # noqa: S108
    import keras

    dense = keras.layers.Dense(2, use_bias=False, name="dense")
    tiny = keras.Sequential([keras.Input((2, 2, 3), name="image"), dense], name="tiny")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = Path(folder, "tiny.h5")
        tiny.save(path)
        embedder = PretrainedEmbedder(path, engine="jax", cache=Path(folder, "cache"))
        before = embedder.transform(np.full((1, 2, 2, 3), 9, np.uint8))
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
            at = content.find(dense.get_weights()[0].tobytes())
            tripled = (dense.get_weights()[0] * 3).tobytes()
            content[at : at + len(tripled)] = tripled
        after = embedder.transform(np.full((1, 2, 2, 3), 9, np.uint8))
    np.testing.assert_allclose(after, before * 3, atol=1e-6 * np.abs(after).max())
