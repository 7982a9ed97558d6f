"""The store: rows on disk that are computed already, one for each image, spec and layer.

``EmbeddingStore`` serves one request: ``lookup`` returns the stored rows. For the missing ones, a
batch at a time, the caller takes the ``lock``, calls ``lookup`` again, computes what is still
missing, and calls ``append``.

A store is a folder (``_directory``) with one row file for each layout, that is, for each base
spec, choice of layers and dtype (``_store_spec``, ``_layouts``), and one SQLite index for all of
them (``_index``, ``_schema``, ``_connections``). There is one index rather than one for each
spec, for three reasons:

- SQLite's write lock alone excludes concurrent writers. Appending, eviction and clearing need no
  other lock, and a process that is killed leaves no lock behind.
- The cap holds for the whole folder, and one query finds the least recently used rows.
- A row and its entry appear together. Rows are written into slots that no entry refers to, and
  their entries are committed afterwards. A kill leaves at most a slot that nothing refers to.

Readers take no lock. Each entry holds a checksum of the row's bytes and of its key. So a row that
another process has just evicted, a damaged file and a page torn by a power cut are detected in
the same way: the checksum does not match. Then the index is read again, and if it still holds the
same entry, the row is deleted and computed again (``_store``).

Every value that is read from the index is checked (``_schema``). One that was never written there
is damage, as are SQLite's own complaints. The name of a layout is the digest of its spec. Nobody
else may have written to the folder (``_directory``).

The lock between processes (``_locks``) keeps rows from being computed twice. Rows that a running
request has used are not evicted (``_leases``, ``_space``). An error on the disk leads to one
warning, and results stay right (``_error_handler``).

Beside the store lie folders of artifacts, such as compiled programs (``_artifacts``).
"""

from __future__ import annotations

from ._artifacts import ArtifactFolder
from ._clear import cache_clear
from ._directory import store_directory
from ._file_digests import FileDigests, open_file_digests
from ._info import CacheInfo, SpecInfo, cache_info
from ._store import EmbeddingStore, open_store
from ._store_spec import StoreSpec

__all__ = [
    "ArtifactFolder",
    "CacheInfo",
    "EmbeddingStore",
    "FileDigests",
    "SpecInfo",
    "StoreSpec",
    "cache_clear",
    "cache_info",
    "open_file_digests",
    "open_store",
    "store_directory",
]
