"""``skembed similarity``: one number for two images, of any backbone."""

from __future__ import annotations

import pytest

from skembed.cli import main

EXTRACTOR = "models/tflite/mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"


def similarity(shared, capsys, *arguments):
    images = [str(shared / "images" / name) for name in ("burger.jpg", "burger_crop.jpg")]
    assert main(["similarity", *map(str, arguments[:1]), *images, *arguments[1:]]) == 0
    name, _, number = capsys.readouterr().out.strip().rpartition(": ")
    assert name == "Cosine similarity"
    return float(number)


def test_of_a_model_file(shared, capsys):
    assert similarity(shared, capsys, shared / EXTRACTOR) == pytest.approx(0.965, abs=0.01)


@pytest.mark.slow  # compiles a network
def test_of_a_named_backbone(shared, capsys):
    options = ["--image-size", "64", "--engine", "jax", "--no-cache"]
    assert 0.5 < similarity(shared, capsys, "efficientnet_lite0", *options) < 1


def test_what_cannot_be_read_is_one_line(shared, capsys):
    burger = str(shared / "images/burger.jpg")
    assert main(["similarity", str(shared / EXTRACTOR), burger, "nowhere.jpg"]) == 2
    assert "nowhere.jpg: no such file" in capsys.readouterr().err
    assert main(["similarity", "nowhere.tflite", burger, burger]) == 2
    assert "does not exist" in capsys.readouterr().err
