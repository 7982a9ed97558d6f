"""Weights through Keras' own cache, with one error that says everything needed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from ..._config import get_config
from ..._errors import WeightsError, advice, shortened, shown_url
from ..._keras import import_keras
from ...backbones._spec import WeightsFile
from ...backbones._table import at_hand
from ._failed_downloads import Failure, Note

_LONGEST_REASON = 200
_MOST_NAMES = 4
# One at a time, so that each download puts back the timeout that it found.
_downloading = threading.Lock()


def fetch(file: WeightsFile, name: str) -> Path:
    """Return where `file` lies in Keras' cache, downloaded by Keras if it is not there yet.

    Parameters
    ----------
    file : WeightsFile
        Its digest is checked where there is one.
    name : str
        The backbone's name, for the error.

    Raises
    ------
    WeightsError
        If it cannot be had; the message names the file, its address, where to put it, and
        networks that need no download. A download that failed is not tried again at once.
    """
    folder = cache_folder()
    path = folder / file.file
    # A file that is there needs no lock: the cache may be read-only and shared.
    if _is_intact(path, file.digest):
        return path
    import_keras()  # its own errors are not the download's
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{file.file}.lock"):
            # Another process may have fetched it meanwhile.
            found = path if _is_intact(path, file.digest) else _try(file, folder)
    except OSError as error:  # the cache cannot be written to
        found = Failure(_reason(error, file))
    if isinstance(found, Path):
        return found
    # Out of the blocks above: chained errors would be a screen of other libraries' code, and
    # scikit-learn counts equal errors of many fits as one.
    raise WeightsError(_message(found, file, name, path))


def cache_folder() -> Path:
    """Where Keras keeps weights: ``KERAS_HOME``, or ``~/.keras``, and there ``models``."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"


def _try(file: WeightsFile, folder: Path) -> Path | Failure:
    """Download a file, unless that failed a moment ago."""
    note = Note(folder / f"{file.file}.failed", file.url)
    failure = note.read()
    if failure is not None:
        return failure
    try:
        path = _download(file, folder)
    # Keras raises a bare Exception for any failure of the network.
    except Exception as error:  # noqa: BLE001
        return note.write(_reason(error, file))
    note.remove()
    return path


def _message(failure: Failure, file: WeightsFile, name: str, path: Path) -> str:
    others = [other for other in at_hand() if other != name]
    return (
        f"The weights file {file.file!r} of {name!r} cannot be had: {failure.reason}."
        f"{failure.next_try()} It comes from {shown_url(file.url)} - download it there and put it "
        f"at {str(path)!r}."
        f"{advice('Or put it anywhere and say {weights}.', weights='path/to/the/file')}"
        f" No download is needed for {', '.join(map(repr, others[:_MOST_NAMES]))}."
    )


def _download(file: WeightsFile, folder: Path) -> Path:
    """Let Keras fetch it; where it may not write to its cache, it chooses another place."""
    get_file = import_keras().utils.get_file
    silence = _bounded_silence(get_config()["url_timeout"])
    # Keras writes what it fetches, and a bar, where a command writes its results.
    with _downloading, silence, contextlib.redirect_stdout(sys.stderr):
        return Path(
            get_file(
                file.file,
                file.url,
                cache_dir=str(folder.parent),
                cache_subdir=folder.name,
                file_hash=file.digest.partition(":")[2] or None,
            )
        )


def _is_intact(path: Path, digest: str) -> bool:
    if not path.is_file():
        return False
    algorithm, _, expected = digest.partition(":")
    if not expected:
        return True
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest() == expected


def _reason(error: Exception, file: WeightsFile) -> str:
    if isinstance(error, ValueError) and "corrupted" in str(error):
        return "what arrived is incomplete or altered (its digest is not the published one)"
    reason = str(error).removeprefix(f"URL fetch failure on {file.url}: ")
    reason = reason.removeprefix("None -- ").rstrip(". ")
    return shortened(reason, _LONGEST_REASON) or type(error).__name__


@contextlib.contextmanager
def _bounded_silence(seconds: float) -> Iterator[None]:
    """Keras offers no timeout, and its sockets would wait for ever: only the default is left.

    It holds for every socket the process opens meanwhile that asks for no timeout of its own.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds if before is None else min(before, seconds))
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
