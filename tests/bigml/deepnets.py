"""Small deepnets, and the official ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

NUMERIC = {"type": "numeric", "mean": 0.0, "stdev": 1.0}


def numbers(n: int) -> list[dict]:
    """Inputs that are taken as they are."""
    return [{**NUMERIC, "index": i} for i in range(n)]


def dense(weights: Any, offset: Any = None, activation: str | None = None) -> dict:
    """A dense layer."""
    return {
        "type": "dense",
        "weights": np.asarray(weights).tolist(),
        "offset": None if offset is None else np.asarray(offset).tolist(),
        "activation_function": activation,
    }


def classifier(n_inputs: int, layers: list, n_outputs: int, **more: Any) -> dict:
    """A deepnet of numbers whose last layer is its answer."""
    values = [f"c{i}" for i in range(n_outputs)]
    return {
        "preprocess": numbers(n_inputs),
        "layers": layers,
        "output_exposition": {"type": "categorical", "values": values},
        **more,
    }


def image_network(layers: list, shape: list[int], **metadata: Any) -> dict:
    """An image network of its own."""
    found = {"base_image_network": "simple", "input_image_shape": shape, **metadata}
    return {"metadata": found, "layers": layers}


def image_model(layers: list, shape: list[int], n_features: int, **metadata: Any) -> dict:
    """A deepnet of one image, whose answer is the vector of its image network."""
    return {
        "preprocess": [{"type": "image", "index": 0}],
        "image_network": image_network(layers, shape, **metadata),
        "layers": [dense(np.eye(n_features))],
        "output_exposition": {
            "type": "categorical",
            "values": [f"c{i}" for i in range(n_features)],
        },
    }


def official(shared: Path) -> list[dict]:
    """The official models, with their inputs and published answers."""
    folder = shared / "models" / "bigml"
    found = json.loads((folder / "validation.json").read_text())["validation"]
    for one in found:
        one["model"] = folder / one["model"]
        one["inputs"] = [[_with_path(value, folder) for value in row] for row in one["inputs"]]
    return found


def _with_path(value: Any, folder: Path) -> Any:
    is_image = isinstance(value, str) and value.startswith("img:")
    return str(folder / "images" / value[4:]) if is_image else value
