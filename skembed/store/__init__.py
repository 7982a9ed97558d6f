"""What is known already: one row of numbers for each image, spec and layers, on disk.

``EmbeddingStore`` serves one request: ``lookup``, and for what is missing, a batch at a time,
``lock``, a second ``lookup``, compute, ``append``.

A store is a folder (``_directory``) with one row file (``_rows``) for each layout, that is, for
each base spec, choice of layers and dtype (``_spec``, ``_layouts``), and one SQLite index
(``_index``) for all of them. One index rather than one for each spec, because then

- SQLite's write lock alone excludes every two that would write: appending, eviction and
  clearing need no other lock, and a kill leaves nothing held;
- the cap holds for the whole folder, and the rows used longest ago are one query away;
- a row and its entry appear together: rows are written into slots that no entry points at, and
  the entries are committed after them. What a kill leaves behind is a slot nobody knows.

Readers take no lock. Each entry holds a checksum of its row's bytes and its key, so that a
reader who was overtaken by an eviction, a file that was damaged and a page that a power cut
tore look the same: the row does not check. Then the index is asked again, and if it still says
the same, the row is forgotten and computed anew (``_layouts``, ``_store``).

What the index says is believed only when it is checked: each query names a check for each of its
columns (``_checks``), and one that fails is damage, as SQLite's own complaints are. A layout's
name is the digest of what it holds. Nobody else may have written it (``_ownership``).

The lock between processes (``_locks``) is about not computing twice, never about safety: so a
holder that gives no sign of life (``_heartbeat``) is not waited for. Rows that a running request
has used are not evicted (``_uses``, ``_leases``, ``_space``): without that, a request a little
larger than the cap would evict its own first rows, and find nothing next time.

Whatever goes wrong on the disk, there is one warning, and results are right (``_failures``).
"""

from __future__ import annotations

from ._artifacts import ArtifactFolder
from ._clear import cache_clear
from ._directory import store_directory
from ._files import FileDigests, open_file_digests
from ._info import CacheInfo, SpecInfo, cache_info
from ._spec import StoreSpec
from ._store import EmbeddingStore, open_store

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
