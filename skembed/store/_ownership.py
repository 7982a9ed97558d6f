"""Whose files these are: nobody else's rows are served, and no link is followed out of a store.

Who can write into a store's folder decides what its rows say. So the folder and its sub-folders
have to belong to this user (or to the administrator, whom everybody trusts), and others must not
write there. Row files are asked once more when they are opened: above the folder, others may be
able to put another folder in its place.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import uuid
from pathlib import Path

_FLAGS = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe in a file's place must not keep us waiting
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class UnusableStoreError(ValueError):
    """The folder cannot serve as a store; the message says why and what to do."""


def is_private(directory: Path) -> bool:
    """Whether this is a real folder of this user's in which nobody else can write."""
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    if not hasattr(os, "geteuid"):  # Windows: a user's folders are their own
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def check_folder(directory: Path) -> None:
    """Refuse a folder whose content somebody else may have written.

    Raises
    ------
    UnusableStoreError
        If it is a link or no folder, belongs to another user, or can be written by others.
    FileNotFoundError
        If there is none.
    """
    status = directory.lstat()
    if stat.S_ISLNK(status.st_mode):
        why, remedy = "is a symbolic link", "name the folder that it points to"
    elif not stat.S_ISDIR(status.st_mode):
        why, remedy = "is not a folder", "move it away"
    elif not _is_ours(status):
        why, remedy = f"belongs to another user (uid {status.st_uid})", "delete it"
    elif hasattr(os, "geteuid") and status.st_mode & 0o022:
        why = f"can be written by other users (mode {stat.S_IMODE(status.st_mode):o})"
        remedy = f"make it your own with chmod 700 and delete what is not yours in {directory}"
    else:
        return
    raise UnusableStoreError(
        f"{directory} {why}, so what lies there need not be what skembed wrote; it is left "
        f"alone. Choose a directory of your own with cache= or SKEMBED_CACHE_DIR, or {remedy}."
    )


def open_own(path: Path, flags: int) -> int | None:
    """Open a regular file of this user's; None if it is something else, or not there."""
    try:
        descriptor = os.open(path, flags | _FLAGS, 0o600)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.EMLINK, errno.ENXIO):
            return None
        raise
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and _is_ours(status):
        return descriptor
    os.close(descriptor)
    return None


def is_own_file(path: Path) -> bool:
    """Whether this is a regular file of this user's, or nothing at all."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISREG(status.st_mode) and _is_ours(status)


def make_way(path: Path) -> None:
    """Take away what is at a path: it is deleted; a folder that is not empty is renamed."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        try:
            path.rmdir()
        except OSError:
            path.rename(path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.moved"))


def _is_ours(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid in (os.geteuid(), 0)
