"""What the pages take for granted: files beside the reader, and a few names."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import fsspec
import numpy as np
import pandas as pd
from PIL import Image

from skembed import backbones, images
from skembed._keras import import_keras
from skembed.evaluation import demo_images

TESTS = Path(__file__).parents[1]
# The classes of the pages, and the photographs whose tiles stand for them.
CLASSES = {"cat": "cat", "coffee": "coffee", "dog": "astronaut"}

COLUMNS = ("kind", "front", "weight", "back")


def furnish(folder: Path) -> None:
    """Put files into a folder, under the names that the pages use."""
    tiles = demo_images()
    for label, shown in CLASSES.items():
        (folder / "photos" / label).mkdir(parents=True)
        for i, tile in enumerate(tiles.images[tiles.labels == shown][:9]):
            Image.fromarray(tile).save(folder / "photos" / label / f"{i}.jpg", quality=95)
    one = folder / "photos/cat/1.jpg"
    for name in (
        "cat.jpg",
        "burger.jpg",
        "street.jpg",
        "photo.jpg",
        "a.jpg",
        "one.png",
        "file",
    ):
        Image.open(one).resize((400, 330)).save(folder / name, format="png")
    for name in ("b.jpg", "other.jpg", "two.png", "local.jpg", "new.jpg"):
        shutil.copy(folder / "photos/coffee/2.jpg", folder / name)
    for name in ("photographs", "new", "cats", "dogs"):
        shutil.copytree(
            folder / "photos" / ("coffee" if name == "dogs" else "cat"), folder / name
        )
    shutil.copy(folder / "photos/coffee/3.jpg", folder / "photographs/blurred.jpg")
    # An image in the wrong folder, for whoever looks for such.
    (folder / "photos/cat/8.jpg").rename(folder / "photos/coffee/9.jpg")
    _write_tables(folder)
    _write_models(folder)
    bucket = fsspec.filesystem("memory")
    for name in ("photos/cat.jpg", "photos/dog.jpg"):
        bucket.pipe(f"/shop/{name}", (folder / "cat.jpg").read_bytes())


def _write_tables(folder: Path) -> None:
    paths, labels = images.from_folders(folder / "photos")
    relative = [str(Path(path).relative_to(folder / "photos")) for path in paths]
    pd.DataFrame({"file": relative, "species": labels}).to_csv(
        folder / "birds.csv", index=False
    )
    pd.DataFrame({"file": relative}).to_csv(folder / "files.csv", index=False)
    deepnet_rows().to_csv(folder / "rows.csv", index=False)
    pd.DataFrame({"path": paths}).to_parquet(folder / "photographs.parquet")
    shutil.make_archive(str(folder / "photos"), "gztar", folder / "photos")


def deepnet_rows() -> pd.DataFrame:
    """Rows for the deepnet."""
    rows = [("b", "one.png", 0.1, "two.png"), ("a", "two.png", 0.7, "one.png")] * 5
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _write_models(folder: Path) -> None:
    tiny_models = _module(TESTS / "formats/tflite/tiny_models.py")
    deepnets = _module(TESTS / "bigml/deepnets.py")
    (folder / "model.tflite").write_bytes(tiny_models.packed(tiny_models.model()))
    for name, document in (("deepnet", _deepnet(deepnets)), ("detector", _detector(deepnets))):
        (folder / f"{name}.json").write_text(json.dumps(document))
    _small_network().save(folder / "mine.keras")


def _convolution(side: int, n_channels: int) -> dict:
    """A layer of a deepnet, of fixed weights."""
    kernel = np.random.default_rng(0).normal(size=(side, side, 3, n_channels)) / side
    return {
        "type": "convolution_2d",
        "kernel": kernel.tolist(),
        "bias": [0.0] * n_channels,
        "strides": [side, side],
        "padding": "valid",
        "activation_function": "linear",
    }


def _deepnet(deepnets: ModuleType) -> dict:
    """A whole document of BigML: a category, an image, a number and an image in a row."""
    average = {"type": "global_average_pool_2d"}
    network = {
        "preprocess": [
            {"type": "categorical", "index": 0, "values": ["a", "b"]},
            {"type": "image", "index": 1},
            {"type": "numeric", "index": 2, "mean": 0.0, "stdev": 1.0},
            {"type": "image", "index": 3},
        ],
        "image_network": deepnets.image_network([_convolution(2, 4), average], [8, 8, 3]),
        "layers": [deepnets.dense(np.ones((11, 2)), activation="softmax")],
        "output_exposition": {"type": "categorical", "values": ["c0", "c1"]},
    }
    fields = {f"00000{i}": {"name": name} for i, name in enumerate(COLUMNS)}
    deepnet = {"fields": fields, "network": network}
    return {"object": {"input_fields": list(fields), "deepnet": deepnet}}


def _detector(deepnets: ModuleType) -> dict:
    """A network of one head, which finds cars wherever its fixed weights say."""
    head = {"input": 0, "strides": 16, "anchors": [[20.0, 20.0]], "xyscale": 1.0}
    network = deepnets.image_network(
        [_convolution(16, 6)], [64, 64, 3], base_image_network="tinyyolov4", outputs=[head]
    )
    return {
        "preprocess": [{"type": "image", "index": 0}],
        "image_network": network,
        "layers": [],
        "output_exposition": {"type": "bounding_box", "values": ["car"]},
    }


def _module(path: Path) -> ModuleType:
    """Import what other tests make small models with."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _small_network():
    """A network of random weights, equal wherever it is made: its layers have names."""
    keras = import_keras()
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.layers.Input((32, 32, 3), name="image"),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="stage4"),
            keras.layers.GlobalAveragePooling2D(name="average"),
        ]
    )


def stand_in(names: tuple[str, ...]) -> None:
    """Let a small network of random weights answer to the names of those that need a download."""
    spec = dataclasses.replace(
        backbones.from_model(_small_network()),
        stages=(("stage4", "stage4"),),
        preparation=backbones.Preparation(mean=(127.5,) * 3, std=(127.5,) * 3),
    )
    for name in names:
        backbones.register(dataclasses.replace(spec, name=name), overwrite=True)
