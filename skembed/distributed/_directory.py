"""A directory of embeddings: its manifest, and a part for each partition of X.

``_skembed.json`` says what the rows are, how many there are in each part, and in which format. A
part gets its name when it is whole, and a record of its own beside its rows. So a job that was
stopped goes on where it was, and what belongs to another one is refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .._files import written_whole

_MANIFEST = "_skembed.json"
_FORMAT = 1
_LOCKS = "_locks"
_UNFINISHED = "._skembed-"  # a manifest whose writer was killed


@dataclass(frozen=True)
class Manifest:
    """What a directory holds.

    Parameters
    ----------
    kind : str
        Of the files: ``"parquet"`` or ``"zarr"``.
    request : str
        Digest of whatever changes the numbers.
    description : dict of str to str
        The request, for a person.
    features : list of str
        A name for each column.
    dtype : str
        Of the numbers.
    lengths : list of int
        Rows of each part.
    has_labels : bool
        Whether there is a class for each image.
    """

    kind: str
    request: str
    description: dict[str, str]
    features: list[str]
    dtype: str
    lengths: list[int]
    has_labels: bool = False

    @cached_property
    def starts(self) -> list[int]:
        """The place of each part's first row among all."""
        return list(itertools.accumulate(self.lengths, initial=0))[:-1]

    def check_same(self, there: Manifest, directory: Path) -> None:
        """Refuse a directory of another job.

        Raises
        ------
        ValueError
            It says in what they differ.
        """
        for name, mine in self.description.items():
            theirs = there.description.get(name)
            if mine != theirs:
                raise ValueError(_refusal(directory, f"with {name} {theirs}, and not {mine}"))
        if self.kind != there.kind:
            raise ValueError(_refusal(directory, f"as {there.kind}, and not as {self.kind}"))
        if self.request != there.request:
            raise ValueError(_refusal(directory, "of an embedder with other parameters"))
        if self.lengths != there.lengths:
            n, parts = sum(there.lengths), len(there.lengths)
            mine = f"{sum(self.lengths):,} in {len(self.lengths):,}"
            raise ValueError(
                _refusal(directory, f"of {n:,} images in {parts:,} parts, not {mine}")
            )
        if self.has_labels != there.has_labels:
            raise ValueError(_refusal(directory, "with or without classes, unlike this one"))


def settle(directory: Path, manifest: Manifest) -> None:
    """Begin a directory, or go on with one that has the same manifest.

    Raises
    ------
    ValueError
        If it belongs to another job, or holds other files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    names = [path.name for path in directory.iterdir() if path.name != _LOCKS]
    if not (directory / _MANIFEST).exists():
        others = [name for name in names if not name.startswith(_UNFINISHED)]
        if others:
            raise ValueError(
                f"{directory} holds other files ({min(others)}): choose a new or an empty "
                "directory."
            )
        _begin(directory, manifest)
    manifest.check_same(read_manifest(directory), directory)


def _begin(directory: Path, manifest: Manifest) -> None:
    facts = {"format": _FORMAT, **dataclasses.asdict(manifest)}
    with locked(directory, "manifest"):  # two jobs may begin at once
        if (directory / _MANIFEST).exists():
            return
        with written_whole(directory / _MANIFEST) as (temporary,):
            temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def read_manifest(directory: Path) -> Manifest:
    """Read what a directory says of itself.

    Raises
    ------
    FileNotFoundError
        If it is no directory of embeddings.
    ValueError
        If its manifest is damaged, or of another version.
    """
    path = directory / _MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{directory} is no directory of embeddings: it has no {_MANIFEST}, which to_parquet "
            "and to_zarr write."
        )
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        version = facts.pop("format", None)
        manifest = Manifest(**facts)
        is_sound = all(isinstance(n, int) and n >= 0 for n in manifest.lengths)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if version != _FORMAT or not is_sound:
        raise ValueError(f"{path} is damaged, or of format {version!r}; this is {_FORMAT}.")
    return manifest


@contextlib.contextmanager
def locked(directory: Path, name: str) -> Iterator[None]:
    """Keep other jobs from computing the same part, where the file system has locks.

    Without, two jobs may both compute it, and the file of one takes the place of the other's.
    """
    from filelock import FileLock

    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, NotImplementedError):
            (directory / _LOCKS).mkdir(exist_ok=True)
            stack.enter_context(FileLock(directory / _LOCKS / f"{name}.lock"))
        yield


def forget_locks(directory: Path) -> None:
    """Delete the files of the locks, when all parts are there."""
    with contextlib.suppress(OSError):
        for path in (directory / _LOCKS).iterdir():
            path.unlink(missing_ok=True)
        (directory / _LOCKS).rmdir()


def other_images(directory: Path, what: str) -> ValueError:
    """Return the error of a part that holds other images than this job has for it."""
    return ValueError(_refusal(directory, f"of other images ({what})"))


def _refusal(directory: Path, reason: str) -> str:
    return (
        f"{directory} holds embeddings {reason}: choose another directory, or delete this one."
    )


def description_of(estimator: Any) -> dict[str, str]:
    """Say what an estimator's rows are, so that a person recognises them.

    Which engine runs the network is left to each machine.
    """
    told = estimator._checked_spec().description()
    told.pop("engine")
    return {**told, "dtype": str(estimator._output_dtype)}
