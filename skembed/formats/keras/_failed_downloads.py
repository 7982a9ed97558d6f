"""Downloads that failed a moment ago, so that thirty fits do not wait for each of them again."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 120


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
        until = time.strftime("%H:%M:%S", time.localtime(self.time + _SECONDS))
        return f" The download is tried again after {until}, or once {str(self.note)!r} is removed."


class Note:
    """What is known of the last failure to download one file, for `_SECONDS`.

    It lies beside the file in Keras' cache, where the workers of a grid search find it too;
    whoever reads or writes it holds the file's lock.

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
        if url != self._url or abs(time.time() - when) >= _SECONDS:
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
