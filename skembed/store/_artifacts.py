"""Artifacts: files that can be made again, kept in bounded folders beside the store.

Compiled programs and converted networks are artifacts. Each kind has a folder of its own,
which moves with ``cache_dir``. A file ``CACHEDIR.TAG`` marks it: ``cache_clear`` deletes only
folders that it marks, and backup programs leave them out. Artifacts run as code, so a folder is
used only if it belongs to this user and nobody else may write to it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from filelock import FileLock

from ._directory import MARKER, SIGNATURE, is_private, marker_in, store_directory

_SCRATCH = "making-"
_LOCK = ".lock"
_DAY = 24 * 60 * 60


class ArtifactFolder:
    """A private folder of artifacts, bounded in size; the least recently used are deleted first.

    An artifact is a file or a folder. It is made in a scratch folder and renamed, so that other
    processes find it whole or not at all. Other processes may delete an artifact at any time.

    Parameters
    ----------
    name : str
        Name of the folder.
    max_bytes : int
        Bytes of all artifacts together.
    max_artifacts : int or None, default=None
        Number of artifacts; None is no limit.
    subfolder : callable or None, default=None
        Returns the name of the folder within it that is used here, for instance one for each
        kind of processor. The bounds hold for each.
    parent : path or None, default=None
        Where the folder lies; None is the folder that holds the default store.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skembed.store import ArtifactFolder
    >>> parent = tempfile.TemporaryDirectory()
    >>> folder = ArtifactFolder("graphs", max_bytes=2**20, parent=pathlib.Path(parent.name))
    >>> with folder.scratch() as scratch:
    ...     (scratch / "a").touch()
    ...     folder.add([scratch / "a"])
    >>> [artifact.name for artifact in folder.artifacts()]
    ['a']
    >>> parent.cleanup()
    """

    def __init__(
        self,
        name: str,
        *,
        max_bytes: int,
        max_artifacts: int | None = None,
        subfolder: Callable[[], str] | None = None,
        parent: Path | None = None,
    ):
        self.name = name
        self.max_bytes = max_bytes
        self.max_artifacts = max_artifacts
        self._subfolder = subfolder
        self._parent = parent

    @property
    def path(self) -> Path:
        """The folder that holds the artifacts, whether or not it exists."""
        return self._root if self._subfolder is None else self._root / self._subfolder()

    @property
    def _root(self) -> Path:
        return (self._parent or store_directory().parent) / self.name

    def create(self) -> Path:
        """Return `path`, created if it does not exist.

        Raises
        ------
        OSError
            If it cannot be created; PermissionError if it is a link, or others may write to it.
        """
        self._root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in dict.fromkeys((self._root, self.path)):
            folder.mkdir(mode=0o700, exist_ok=True)
            if not is_private(folder):
                raise PermissionError(f"{folder} can be written by others.")
        marker = self._root / MARKER
        if not marker.exists() or not marker.stat().st_size:  # a kill may leave an empty one
            marker.write_text(_marker_text(self.name))
        return self.path

    def artifacts(self) -> list[Path]:
        """Return the paths of all artifacts.

        Raises
        ------
        OSError
            If the folder cannot be read.
        """
        return [
            path
            for path in self.path.iterdir()
            if path.name != MARKER and not _is_temporary(path.name)
        ]

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a new folder on the same file system, and delete it after the block.

        If the process is killed, the next :meth:`add` after a day deletes it.

        Raises
        ------
        OSError
            If it cannot be created.
        """
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=self.create()))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def add(self, made: Iterable[Path]) -> None:
        """Move files or folders in under their names, in place of what has these names.

        Then artifacts are deleted until the rest is within the bounds.
        """
        for path in made:
            target = self.path / path.name
            self.remove(target)
            path.replace(target)
        with contextlib.suppress(OSError):  # another process has cleared the folder
            self._sweep()
            self._evict()

    def remove(self, artifact: Path) -> None:
        """Delete an artifact if it exists; a kill meanwhile leaves no part of it."""
        if artifact.is_dir():
            with self.scratch() as scratch:
                artifact.rename(scratch / artifact.name)
        else:
            artifact.unlink(missing_ok=True)

    def mark_used(self, artifact: Path) -> None:
        """Note that a folder was used just now. The system notes it for files."""
        with contextlib.suppress(OSError):
            os.utime(artifact)

    def lock(self, name: str, timeout: float) -> FileLock:
        """Return a lock that the process holds which makes the artifact `name`.

        Parameters
        ----------
        name : str
            Name of the artifact.
        timeout : float
            Seconds to wait for it; then acquiring it raises a TimeoutError.
        """
        return FileLock(self.path / f"{name}{_LOCK}", timeout=timeout, mode=0o600)

    def _evict(self) -> None:
        """Delete the least recently used artifacts until the rest is within the bounds."""
        n_artifacts = n_bytes = 0
        for artifact in sorted(self.artifacts(), key=_last_used, reverse=True):
            n_artifacts, n_bytes = n_artifacts + 1, n_bytes + bytes_in(artifact)
            too_many = self.max_artifacts is not None and n_artifacts > self.max_artifacts
            if too_many or n_bytes > self.max_bytes:
                # Windows does not delete a file that a process has open.
                with contextlib.suppress(OSError):
                    self.remove(artifact)

    def _sweep(self) -> None:
        """Delete the scratch folders of killed processes, and locks that no process holds."""
        for path in self.path.iterdir():
            with contextlib.suppress(OSError):
                if _is_temporary(path.name) and time.time() - path.lstat().st_mtime > _DAY:
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        _delete_lock(path)


def artifact_folders() -> list[Path]:
    """Return the folders beside the default store that are marked as folders of artifacts."""
    found = []
    with contextlib.suppress(OSError), os.scandir(store_directory().parent) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False) and _is_marked(Path(entry.path)):
                    found.append(Path(entry.path))
    return sorted(found)


def clear_artifacts() -> None:
    """Delete all folders of artifacts. Processes that use one make their artifacts again."""
    for folder in artifact_folders():
        shutil.rmtree(folder, ignore_errors=True)


def _delete_lock(path: Path) -> None:
    with FileLock(path, timeout=0, mode=0o600):
        path.unlink()


def bytes_in(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; links are not followed."""
    if not path.is_dir():
        return _file_bytes(path)
    return sum(
        _file_bytes(os.path.join(folder, name))  # noqa: PTH118 - a store has many
        for folder, _, names in os.walk(path)
        for name in names
    )


def _file_bytes(path: str | Path) -> int:
    try:
        status = os.lstat(path)
    except OSError:  # evicted this moment
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _last_used(artifact: Path) -> float:
    try:
        status = artifact.lstat()
    except OSError:
        return 0.0
    # To list a folder is to read it, so the time of its last reading says nothing.
    is_folder = stat.S_ISDIR(status.st_mode)
    return status.st_mtime if is_folder else max(status.st_atime, status.st_mtime)


def _is_temporary(name: str) -> bool:
    return name.startswith(_SCRATCH) or name.endswith(_LOCK)


def _is_marked(folder: Path) -> bool:
    if hasattr(os, "geteuid") and folder.lstat().st_uid != os.geteuid():
        return False
    return marker_in(folder) == _marker_text(folder.name)


def _marker_text(name: str) -> str:
    return f"{SIGNATURE}# skembed {name.replace('-', ' ')}\n"
