"""The networks of ``keras.applications``: what is known of each."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from ._backbone import Backbone, Preparation, WeightsFile

ORIGIN = "keras.applications."
# What ``preprocess_input`` of a network's module does, in grey levels.
_PREPARATIONS = {
    "tf": Preparation(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5)),
    "torch": Preparation(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
    "caffe": Preparation(mean=(103.939, 116.779, 123.68), channels="bgr"),
    "inside": Preparation(),
}


def keras_applications_backbones() -> tuple[Backbone, ...]:
    """Return the registry's entries; Keras is not imported, nothing is built."""
    file = resources.files("skembed.backbones") / "data" / "keras_applications.json"
    return tuple(_backbone(name, facts) for name, facts in json.loads(file.read_text()).items())


def _backbone(name: str, facts: dict[str, Any]) -> Backbone:
    stages = tuple(facts["stages"].items())
    return Backbone(
        name=name,
        origin=ORIGIN + facts["constructor"],
        builder="skembed.formats.keras._applications:build",
        input_size=(facts["size"], facts["size"]),
        preparation=_PREPARATIONS[facts["preparation"]],
        n_features=facts["n_features"],
        n_parameters=facts["n_parameters"],
        multiply_adds=facts["multiply_adds"],
        top1=facts["top1"],  # keras.io/api/applications; of MobileNetV3, Keras' docstring
        features=stages[-1][1],
        stages=stages,
        classes="imagenet-1k",
        min_size=facts["min_size"],
        licence=facts["licence"],
        weights=tuple(WeightsFile(**file) for file in facts["weights"]),
    )
