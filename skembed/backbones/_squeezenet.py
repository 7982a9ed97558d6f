"""SqueezeNet 1.1, of which two trainings are in use.

Caffe's takes BGR minus means at 227 pixels; Gluon's (also the ONNX zoo's) takes RGB standardised as
torchvision does, at 224.
"""

from __future__ import annotations

from ._backbone import Backbone, Preparation

_STAGES = (("stage1", "relu_conv1"), ("stage2", "fire3_concat"), ("stage3", "fire5_concat"),
           ("stage4", "fire9_concat"))  # fmt: skip


def squeezenet_backbones() -> tuple[Backbone, ...]:
    """Return the registry's entries; nothing is built."""
    gluon = Preparation(
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
        resize="crop-0.875-pil-bilinear-antialias",
    )
    caffe = Preparation(mean=(103.939, 116.779, 123.68), channels="bgr")
    return (
        # Accuracies as the ONNX model zoo, and the paper on SqueezeNet, publish them.
        _backbone("squeezenet1_1", 224, 262_623_936, 56.3, gluon, "Apache-2.0"),
        _backbone("squeezenet1_1_caffe", 227, 287_395_520, 57.5, caffe, "BSD-2-Clause"),
    )


def _backbone(
    name: str,
    side: int,
    multiply_adds: int,
    top1: float,
    preparation: Preparation,
    licence: str,
) -> Backbone:
    return Backbone(
        name=name,
        origin="squeezenet",
        builder="skembed.formats.keras._squeezenet:build",
        input_size=(side, side),
        preparation=preparation,
        n_features=512,
        n_parameters=722_496,
        multiply_adds=multiply_adds,
        top1=top1,
        features="fire9_concat",
        stages=_STAGES,
        classes="imagenet-1k",
        licence=licence,
    )
