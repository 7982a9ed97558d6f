"""File systems that lie on a network, where locks and SQLite cannot be relied on."""

from __future__ import annotations

import functools
import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = {
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse.ceph",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.s3fs",
    "fuse.sshfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "orangefs",
    "smb3",
    "smbfs",
    "virtiofs",
}


@functools.lru_cache(maxsize=64)
def network_file_system(directory: Path) -> str:
    """Return the kind of network file system that a folder lies on; empty if on none, or unknown.

    Linux says; other systems are not asked. The folder need not exist.
    """
    kind = _file_system(Path(os.path.realpath(directory)))
    return kind if kind in _NETWORK else ""


def _file_system(path: Path) -> str:
    """The kind of the mounted file system that a path lies on."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found: dict[str, str] = {}
    for line in lines:
        # Spaces in a name are written as \\040; the kind stands behind a lone hyphen.
        place, _, rest = line.partition(" - ")
        found[place.split()[4].replace("\\040", " ")] = rest.split()[0]
    for one in (path, *path.parents):
        if str(one) in found:
            return found[str(one)]
    return ""
