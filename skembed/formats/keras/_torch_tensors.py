"""Read the tensors of a legacy ``torch.save`` file, and nothing else, without torch.

Such a file is five pickles followed by the raw storages. A pickle can name any function; this
reader admits an ordered dict and tensors over float or integer storages, and refuses the rest
before anything is called. Format: ``torch/serialization.py``, ``_legacy_save``.
"""

from __future__ import annotations

import io
import pickle  # only ever through _TensorUnpickler, which admits no callable of the file's choice
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype
    size: int


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor before its storage has been read."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, values: np.ndarray) -> np.ndarray:
        reach = (
            self.offset
            + 1
            + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        )
        positive = all(n > 0 for n in self.shape) and all(s >= 0 for s in self.strides)
        if self.offset < 0 or not positive or reach > values.size:
            raise ValueError(f"a tensor of shape {self.shape} reaches outside its storage")
        steps = tuple(s * values.itemsize for s in self.strides)
        view = np.lib.stride_tricks.as_strided(
            values[self.offset :], self.shape, steps, writeable=False
        )
        return np.array(view)


class _Rebuild:
    """Stands for ``torch._utils._rebuild_tensor_v2``; slotless, so a pickle cannot alter it."""

    __slots__ = ()

    def __call__(self, storage, offset, shape, strides, *_requires_grad_and_hooks) -> _View:
        if not isinstance(storage, _Storage):
            raise pickle.UnpicklingError("a tensor without a storage")
        return _View(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


class _TensorUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Rebuild()
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is no tensor")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _location, size, view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or view is not None:
            raise pickle.UnpicklingError(f"it holds {kind!r}, which is no plain storage")
        return _Storage(str(key), dtype, int(size))


def read_tensors(data: bytes, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of a state dict saved by ``torch.save`` in its legacy format.

    Parameters
    ----------
    data : bytes
        The file.
    name : str
        What to call it in an error.

    Returns
    -------
    dict of str to numpy array
        In the file's order.

    Raises
    ------
    WeightsError
        If the file is of another format, damaged, or holds anything but tensors.
    """
    stream = io.BytesIO(data)
    try:
        magic, protocol, _system, views, keys = (_unpickle(stream) for _ in range(5))
        if (magic, protocol) != (_MAGIC, _PROTOCOL):
            raise ValueError("it is not in torch's legacy format")
        wanted = {v.storage.key: v.storage for v in views.values()}
        storages = {key: _read_storage(stream, wanted[key]) for key in keys}
        return {str(name): v.of(storages[v.storage.key]) for name, v in views.items()}
    # A damaged pickle fails in as many ways as there are opcodes.
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError,
            AttributeError, OverflowError) as error:  # fmt: skip
        raise WeightsError(f"{name} does not hold the tensors expected: {error}.") from error


def _unpickle(stream: io.BytesIO) -> Any:
    return _TensorUnpickler(stream).load()


def _read_storage(stream: io.BytesIO, storage: _Storage) -> np.ndarray:
    size = int.from_bytes(stream.read(8), "little")
    content = stream.read(storage.dtype.itemsize * storage.size)
    if size != storage.size or len(content) != storage.dtype.itemsize * storage.size:
        raise ValueError("it is truncated")
    return np.frombuffer(content, storage.dtype)
