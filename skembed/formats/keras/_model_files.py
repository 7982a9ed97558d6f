"""Files that hold a network: which can be read, and what is wrong with those that cannot."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..._errors import WeightsError, is_out_of_memory
from ..._keras import import_keras

SUFFIXES = (".keras", ".h5", ".hdf5")
_ONNX = (
    "Convert it with onnx2tf (pip install onnx2tf): onnx2tf -i model.onnx -okv3 writes a .keras "
    "file."
)
# What files of other kinds are, and the way from them to one that can be read.
CONVERSIONS = {
    ".onnx": f"is an ONNX graph. {_ONNX}",
    ".pb": "is a TensorFlow graph. Load it where TensorFlow is installed, and save the network it "
    "was made from with model.save('model.keras').",
    ".pt": f"is a PyTorch file. Write it as ONNX with torch.onnx.export first. {_ONNX}",
    ".pth": f"is a PyTorch file. Write it as ONNX with torch.onnx.export first. {_ONNX}",
    ".safetensors": "holds weights without their network. Load them into the network, and save it "
    "with model.save('model.keras').",
}
SAVED_MODEL = (
    "is a TensorFlow SavedModel. Load it where it was made, or with tf_keras.models.load_model "
    "(pip install tf_keras), and save it with model.save('model.h5')."
)
# A member, or a dataset, that claims to be more than this and a hundred times what it takes on
# the disk is no network.
_LARGE, _EXPANSION = 2**26, 100


def load_model(path: Path) -> Any:
    """Return the network in a ``.keras`` or ``.h5`` file, without running code from it.

    Raises
    ------
    WeightsError
        If there is no such file, or it is of another kind, damaged, or claims an absurd size.
    """
    _check_kind(path)
    try:
        _check_archive(path) if zipfile.is_zipfile(path) else _check_hdf5(path)
        return import_keras().saving.load_model(path, compile=False, safe_mode=True)
    # However a damaged archive, refused code or an unknown layer shows itself.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = f"{error}".strip().split("\n")[0][:300] or type(error).__name__
        raise WeightsError(f"{str(path)!r} cannot be loaded as a model: {reason}") from error


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise WeightsError(f"{str(path)!r} is a folder. Give the path of a .keras or .h5 file.")
    if not path.is_file():
        raise WeightsError(f"The model file {str(path)!r} does not exist.")
    if path.name.lower().endswith(".weights.h5"):
        raise WeightsError(
            f"{str(path)!r} holds weights without their network. Name the network as backbone, "
            "and give the file as weights."
        )


def _check_archive(path: Path) -> None:
    """Every byte against its checksum: Keras reads past damage in the weights."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            _check_size(member.filename, member.file_size, member.compress_size)
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"{damaged} in it is damaged (its checksum is another).")
        json.loads(archive.read("config.json"))


def _check_hdf5(path: Path) -> None:
    """Only what the file itself holds, and no code: Keras before 3.11 ran it from such files."""
    import h5py

    with h5py.File(path) as file:
        check_datasets(file)
        config = file.attrs.get("model_config")
        if config is None:
            raise ValueError(
                "it holds weights without their network. Name the network as backbone, and give "
                "the file as weights."
            )
        if '"Lambda"' in (config if isinstance(config, str) else bytes(config).decode()):
            raise ValueError("it holds a Lambda layer, which is code, and code is not run.")


def check_datasets(file: Any) -> None:
    """Raise ValueError if a file of HDF5 claims more than it holds, or lies in others in part."""
    n_bytes, n_stored = 0, 0
    for name, size, stored in _datasets(file):
        _check_size(name, size, stored)
        n_bytes, n_stored = n_bytes + size, n_stored + stored
    _check_size("all", n_bytes, n_stored)


def _datasets(group: Any, path: str = "") -> Iterator[tuple[str, int, int]]:
    import h5py

    for key in group:
        name = f"{path}/{key}"
        link = group.get(key, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(f"{name} in it is a link to another file.")
        entry = None if isinstance(link, h5py.SoftLink) else group[key]
        if isinstance(entry, h5py.Group):
            yield from _datasets(entry, name)
        elif isinstance(entry, h5py.Dataset):
            if entry.external or entry.is_virtual:
                raise ValueError(f"the values of {name} in it are in another file.")
            yield name, entry.size * entry.dtype.itemsize, entry.id.get_storage_size()


def _check_size(name: str, size: int, stored: int) -> None:
    if size > _LARGE and size > _EXPANSION * max(stored, 1):
        raise ValueError(
            f"{name} in it claims {size:,} bytes, and takes {stored:,}: it is not unpacked."
        )
