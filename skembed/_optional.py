"""Optional libraries: whether they are here, and the command that installs what is missing."""

from __future__ import annotations

import importlib
import json
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from ._errors import MissingLibraryError

_NAME = __name__.partition(".")[0]


def skops_io() -> ModuleType:
    """Return ``skops.io``.

    Raises
    ------
    MissingLibraryError
        If skops is not installed.
    """
    return _import("skops.io", "skops", "saving and loading a pipeline")


def require_pyarrow(purpose: str = "writing") -> None:
    """Check that pandas can write, or read, Parquet.

    Parameters
    ----------
    purpose : str, default="writing"
        What the message says it is needed for.

    Raises
    ------
    MissingLibraryError
        If pyarrow is not installed.
    """
    _import("pyarrow", "pyarrow", f"{purpose} Parquet")


def has_faiss() -> bool:
    """Say whether faiss is installed."""
    return find_spec("faiss") is not None


def faiss() -> Any:
    """Return ``faiss``.

    Raises
    ------
    MissingLibraryError
        If faiss is not installed.
    """
    return _import("faiss", "faiss", "approximate search", "search")


def require_web_server() -> None:
    """Check that a page can be served.

    Raises
    ------
    MissingLibraryError
        If starlette or uvicorn is not installed.
    """
    for library in ("starlette", "uvicorn"):
        _import(library, library, "the page", "search")


def scikit_image_data() -> Path:
    """Return the folder of the pictures that scikit-image's own wheel carries.

    The pictures are read as files: ``skimage.data`` would look elsewhere first, and download
    those that it does not find.

    Raises
    ------
    MissingLibraryError
        If scikit-image is not installed.
    """
    found = find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        raise missing_library("scikit-image", "the demo's own pictures")
    return Path(found.submodule_search_locations[0], "data")


def fsspec() -> Any:
    """Return ``fsspec``.

    Raises
    ------
    MissingLibraryError
        If fsspec is not installed.
    """
    return _import("fsspec", "fsspec", "URLs of object stores", "remote")


def require_client(protocol: str, library: str) -> None:
    """Check that fsspec can read the URLs of a protocol.

    Parameters
    ----------
    protocol : str
        As ``"s3"``.
    library : str
        What fsspec reads them with.

    Raises
    ------
    MissingLibraryError
        If fsspec or that library is not installed.
    """
    try:
        fsspec().get_filesystem_class(protocol)
    except MissingLibraryError:
        raise
    except ImportError as error:
        raise MissingLibraryError(
            f"{library} is needed for {protocol}:// URLs, beside the extra 'remote': "
            f"pip install {library}"
        ) from error


def dask() -> Any:
    """Return ``dask``.

    Raises
    ------
    MissingLibraryError
        If it is not installed.
    """
    return _import("dask", "dask", "work on several machines", "dask")


def dask_array() -> Any:
    """Return ``dask.array``.

    Raises
    ------
    MissingLibraryError
        If Dask is not installed.
    """
    return _import("dask.array", "dask", "lazy embeddings", "dask")


def distributed() -> Any:
    """Return ``distributed``, Dask's scheduler.

    Raises
    ------
    MissingLibraryError
        If it is not installed.
    """
    return _import("distributed", "distributed", "Dask's workers", "dask")


def zarr() -> Any:
    """Return ``zarr``.

    Raises
    ------
    MissingLibraryError
        If it is not installed.
    """
    return _import("zarr", "zarr", "Zarr arrays", "dask")


def onnx(purpose: str) -> Any:
    """Return ``onnx``.

    Parameters
    ----------
    purpose : str
        What the message says it is needed for.

    Raises
    ------
    MissingLibraryError
        If it is not installed.
    """
    return _import("onnx", "onnx", purpose, "export")


def onnxruntime() -> Any:
    """Return ``onnxruntime``.

    Raises
    ------
    MissingLibraryError
        If it is not installed.
    """
    return _import("onnxruntime", "onnxruntime", "comparing ONNX files", "export")


def skl2onnx() -> Any:
    """Return ``skl2onnx``.

    Raises
    ------
    MissingLibraryError
        If it is not installed.
    """
    return _import("skl2onnx", "skl2onnx", "exporting a classifier", "export")


def pyplot() -> ModuleType:
    """Return ``matplotlib.pyplot``.

    Raises
    ------
    MissingLibraryError
        If Matplotlib is not installed.
    """
    return _import("matplotlib.pyplot", "matplotlib", "drawing", extra="notebook")


def _import(module: str, library: str, purpose: str, extra: str = "demo") -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing_library(library, purpose, extra) from error


def missing_library(library: str, purpose: str, extra: str = "demo") -> MissingLibraryError:
    """Return the error that says what a library is needed for, and how to install it."""
    return MissingLibraryError(f"{library} is needed for {purpose}: {install_command(extra)}")


def install_command(extra: str) -> str:
    """Return the command that installs an extra.

    Parameters
    ----------
    extra : str
        Of pyproject.toml.

    Returns
    -------
    str
        It names the clone that this package was installed from, or runs in; a clone that is
        gone is ``.``.
    """
    from urllib.request import url2pathname  # slow to load

    origin = _origin()
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    url = origin.get("url", "")
    if "vcs_info" in origin:
        return f'pip install "{_NAME}[{extra}] @ {origin["vcs_info"]["vcs"]}+{url}"'
    if not url.startswith("file:"):
        return f'pip install "{_NAME}[{extra}]"'
    folder = Path(url2pathname(urlsplit(url).path))
    if folder.exists():
        return f'pip install {editable}"{folder}[{extra}]"'
    return f'pip install {editable}".[{extra}]" in a clone of {_NAME}'


def _origin() -> dict[str, Any]:
    """What was installed, as PEP 610 writes it down; nothing of an installation from an index."""
    from importlib.metadata import PackageNotFoundError, distribution  # slow to load

    clone = Path(__file__).parents[1]
    try:
        written = distribution(_NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        return {"url": clone.as_uri()}
    return json.loads(written) if written else {}
