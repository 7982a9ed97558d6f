"""What ran the benchmark: processor, system, versions."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "skembed", "keras", "jax", "jaxlib", "numpy", "pillow", "simplejpeg", "numba",
    "openvino", "torch", "timm", "onnxruntime", "embetter", "img2vec_pytorch",
)  # fmt: skip
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16")


def machine() -> dict[str, str]:
    """Facts by name."""
    info = Path("/proc/cpuinfo").read_text()
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    model = re.search(r"model name\s*: (.*)", info)
    found = re.search(r"flags\s*: (.*)", info)
    flags = set(found[1].split()) if found else set()
    return {
        "processor": model[1] if model else platform.processor(),
        "cores": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}",
        "instructions": ", ".join(flag if flag in flags else f"no {flag}" for flag in _FLAGS),
        "memory": f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "",
        "system": platform.platform(),
        "versions": ", ".join([f"Python {platform.python_version()}", *_versions()]),
        "command": " ".join(["python", *sys.argv]),
    }


def _versions() -> list[str]:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return found
