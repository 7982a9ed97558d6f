"""What TensorFlow Lite's metadata say of a model: normalisation, colour space, labels, licence.

They are a FlatBuffer of their own, in a buffer of the model; files that they name, such as labels,
are a zip archive behind the model. The schema is TensorFlow's metadata_schema.fbs.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from ._flatbuffer import Buffer, DamagedError, Table

_ENTRY, _MAGIC = "TFLITE_METADATA", b"M001"
_COLOR_SPACES = {0: "unknown", 1: "RGB", 2: "grayscale"}
_IMAGE_PROPERTIES, _NORMALIZATION = 2, 1
_AXIS_LABELS, _VALUE_LABELS = 2, 3
_MAX_FILES, _MAX_BYTES = 1000, 2**22  # of the archive; ImageNet's labels are 20 KB


@dataclass(frozen=True, slots=True)
class OutputMetadata:
    """What is said of an output: its name, and the file of its labels; empty where nothing is."""

    name: str = ""
    label_file: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is said of a model.

    Parameters
    ----------
    n_inputs : int or None
        How many inputs are described; None where none is meant to be.
    color_space : str
        Of the image; empty where it is not said.
    normalizations : tuple of (mean, std)
        In the order in which they are applied; each is a tuple of floats, one or one a channel.
    outputs : tuple of OutputMetadata
        In the model's order.
    licence : str
        As the authors state it.
    """

    n_inputs: int | None = None
    color_space: str = ""
    normalizations: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()
    outputs: tuple[OutputMetadata, ...] = ()
    licence: str = ""


def read_metadata(model: Table) -> Metadata:
    """Return the metadata of a model whose structure has been checked.

    Raises
    ------
    DamagedError
        If they lead outside of themselves.
    """
    buffers = model.tables(4)
    for entry in model.tables(6):
        if entry.text(0) != _ENTRY:
            continue
        index = entry.number(1, "I")
        if index >= len(buffers):
            raise DamagedError(f"its metadata are the buffer {index} of {len(buffers)}")
        content = buffers[index].content(0)
        if content[4:8] != _MAGIC:
            raise DamagedError(f"its metadata do not begin with {_MAGIC!r}")
        return _metadata(Buffer(content).root())
    return Metadata()


def _metadata(root: Table) -> Metadata:
    licence = root.text(5).strip()
    subgraphs = root.tables(3)
    if not subgraphs:
        return Metadata(licence=licence)
    inputs = subgraphs[0].tables(2)
    outputs = tuple(
        OutputMetadata(output.text(0).strip(), _label_file(output))
        for output in subgraphs[0].tables(3)
    )
    if not inputs:
        return Metadata(0, outputs=outputs, licence=licence)
    color_space, normalizations = _color_space(inputs[0]), _normalizations(inputs[0])
    return Metadata(len(inputs), color_space, normalizations, outputs, licence)


def _color_space(tensor: Table) -> str:
    content = tensor.table(3)
    properties = content.table(1) if content is not None else None
    if content is None or properties is None or content.number(0, "B") != _IMAGE_PROPERTIES:
        return ""
    number = properties.number(0, "b")
    return _COLOR_SPACES.get(number, f"number {number}")


def _normalizations(
    tensor: Table,
) -> tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]:
    found = []
    for unit in tensor.tables(4):
        options = unit.table(1)
        if options is not None and unit.number(0, "B") == _NORMALIZATION:
            mean, std = (options.numbers(field, "f4").tolist() for field in (0, 1))
            found.append((tuple(mean), tuple(std)))
    return tuple(found)


def _label_file(tensor: Table) -> str:
    """The file of the labels; of several, that of no language, which is English as a rule."""
    files = [
        (file.text(3), file.text(0))
        for file in tensor.tables(6)
        if file.number(2, "b") in (_AXIS_LABELS, _VALUE_LABELS)
    ]
    return min(files, default=("", ""))[1]


def read_labels(data: bytes, name: str) -> tuple[str, ...]:
    """Return the lines of a file in the archive behind a model.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        What the metadata call it.

    Raises
    ------
    DamagedError
        If the archive does not have it, or it is no text of a sensible size.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            member = archive.getinfo(name)
            if member.file_size > _MAX_BYTES or len(archive.filelist) > _MAX_FILES:
                raise DamagedError(f"{name!r} in it claims {member.file_size:,} bytes")
            with archive.open(member) as file:
                text = file.read(_MAX_BYTES + 1)
        lines = text.decode("utf-8-sig").splitlines()
    except KeyError as error:
        raise DamagedError(f"it has no file {name!r}, which its metadata name") from error
    except (DamagedError, MemoryError):
        raise
    # A damaged archive: zipfile and its decoders raise any exception.
    except Exception as error:
        raise DamagedError(f"its file {name!r} cannot be read ({error})") from error
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(line.strip() for line in lines)
