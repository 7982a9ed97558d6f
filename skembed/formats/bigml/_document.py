"""Reading a BigML document: a file or a dict, and where the network stands in it."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from ..._text import size_of_bytes
from ._json import Node

SUFFIXES = (".json", ".json.gz")
_GZIP = b"\x1f\x8b"
MOST_BYTES = 2**31  # of a document: YOLOv4 has 64 million numbers
_FORMS = (
    '{"object": {"deepnet": {"network": ...}}}, {"deepnet": ...}, {"model": ...}, '
    '{"network": ...}, or the network itself, with the key "layers" or "networks"'
)


class UnrecognisedDocumentError(ValueError):
    """It is no document of BigML: the message says what is."""


def read_document(spec: Any) -> Any:
    """Return what a document says, as JSON gives it.

    Parameters
    ----------
    spec : dict, str or path
        The document, or a file of JSON, compressed by gzip or not.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If it is something else.
    ValueError
        If the file is not JSON, or larger than 2 GiB.
    """
    if isinstance(spec, dict):
        return spec
    path = document_file(spec)
    if path.suffix.lower() == ".smbundle":
        raise ValueError(
            f"{str(path)!r} is a SavedModel, which only TensorFlow runs: give the JSON of the "
            "deepnet. skembed.bigml.extract_bundle writes its files."
        )
    with path.open("rb") as file:
        return parsed(unpacked(file, str(path)), str(path))


def document_file(spec: Any) -> Path:
    """Return the path of a file that is there; errors as those of :func:`read_document`."""
    if not isinstance(spec, str | os.PathLike):
        raise TypeError(
            f"A deepnet is given as a dict or as the path of a JSON file, got "
            f"{type(spec).__name__}."
        )
    path = Path(spec).expanduser()
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; a deepnet is a JSON file.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no deepnet at {str(path)!r}.")
    return path


def parsed(data: bytes, name: str) -> Any:
    """Return what bytes of JSON say; `name` is for the message."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise ValueError(f"{name!r} is not JSON: {reason}.") from None


def unpacked(file: BinaryIO, name: str) -> bytes:
    """Return the bytes of a file, unpacked by gzip where it is packed, and bounded."""
    is_packed = file.read(2) == _GZIP
    file.seek(0)
    try:
        source = gzip.GzipFile(fileobj=file) if is_packed else file
        data = source.read(MOST_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{name!r} is a damaged gzip file: {error}.") from None
    if len(data) > MOST_BYTES:
        raise ValueError(f"{name!r} is larger than {size_of_bytes(MOST_BYTES)}.")
    return data


def network_of(document: Any) -> Node:
    """Return the network in a document, in whichever of BigML's forms it comes.

    Raises
    ------
    UnrecognisedDocumentError
        If there is none.
    """
    value = document
    for keys in (("object",), ("deepnet", "model"), ("network",)):
        if isinstance(value, dict) and not _is_network(value):
            value = next((value[key] for key in keys if value.get(key) is not None), value)
    if not _is_network(value):
        got = sorted(map(str, document))[:8] if isinstance(document, dict) else document
        raise UnrecognisedDocumentError(
            f"Model format not recognized: a BigML deepnet is {_FORMS}. Got "
            f"{'the keys ' if isinstance(document, dict) else ''}{str(got)[:200]}."
        )
    return Node(value, "network")


def fields_of(document: Any) -> tuple[dict[str, Any], ...]:
    """Return the input fields of a whole document, in the order of its columns; () if not told."""
    if isinstance(document, dict) and isinstance(document.get("object"), dict):
        document = document["object"]
    if not isinstance(document, dict):
        return ()
    inner = document.get("deepnet") or document.get("model")
    fields = inner.get("fields") if isinstance(inner, dict) else None
    names = document.get("input_fields")
    if not isinstance(fields, dict) or not isinstance(names, list):
        return ()
    found = tuple(fields.get(name) for name in names if isinstance(name, str))
    complete = all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in found)
    return found if complete and len(found) == len(names) else ()  # type: ignore[return-value]


def _is_network(value: Any) -> bool:
    return isinstance(value, dict) and ("layers" in value or "networks" in value)
