"""timm's networks with the layers, the width and the work of Keras' ones."""

from __future__ import annotations

from typing import Any

from .contender import Job, NotThere
from .networks import NETWORKS, Network


def import_torch(threads: int) -> Any:
    """torch, with its threads set, and a torchvision that can be imported beside it."""
    try:
        import torch
    except ImportError as error:
        raise NotThere("torch is not installed") from error
    torch.set_num_threads(threads)
    _declare_torchvision_operators(torch)
    return torch


def _declare_torchvision_operators(torch: Any) -> None:
    """PyPI's torchvision is built for CUDA; beside torch's wheel for CPUs its operators do not
    load, and it fails to import for want of the names of two. No network here calls them.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        torch._skembed_benchmark_library = library  # it undoes its definitions when collected
    except ImportError as error:
        raise NotThere("torchvision is not installed") from error


def build(job: Job) -> Any:
    """The network with its pooling, in evaluation mode; float32, channels first."""
    import_torch(job.threads)
    try:
        import timm
    except ImportError as error:
        raise NotThere("timm is not installed") from error
    model = timm.create_model(job.network.timm, pretrained=False, num_classes=0)
    return finish(model, job.network).eval()


def finish(model: Any, network: Network) -> Any:
    """Draw the weights as skembed does, and make the work the same."""
    import torch
    from torch import nn

    if network.name == "vgg16":  # without its dense layers
        model = nn.Sequential(model.features, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            # timm starts the last one of each residual block at 0, which leaves dead branches.
            module.reset_parameters()
    if network.name == "resnet50":
        _stride_first(model)
    return model


def _stride_first(model: Any) -> None:
    """Halve in the first 1x1 of a block, as He et al. and Keras do, and not in its 3x3.

    Otherwise torch's ResNet50 has 6 % more to do.
    """
    for module in model.modules():
        if {"conv1", "conv2", "conv3"} <= {name for name, _ in module.named_children()}:
            module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride


def by_timm_name(name: str) -> Network:
    return next(network for network in NETWORKS.values() if network.timm == name)


def prepared(job: Job, network: Any) -> Any:
    """The network behind its preparation, as one module that takes uint8 (n, h, w, channels)."""
    import torch

    class Prepared(torch.nn.Module):
        def __init__(self):
            super().__init__()
            mean = torch.tensor(job.network.mean).view(1, 3, 1, 1)
            scale = 1 / torch.tensor(job.network.std).view(1, 3, 1, 1)
            self.network = network
            self.register_buffer("mean", mean)
            self.register_buffer("scale", scale)

        def forward(self, images):
            x = images.permute(0, 3, 1, 2).to(self.mean.dtype)
            return self.network((x - self.mean) * self.scale)

    return Prepared().eval()
