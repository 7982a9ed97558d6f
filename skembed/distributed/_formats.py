"""The two formats of a directory: a Parquet file a part, or a chunk of Zarr arrays a part."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from .._files import written_whole
from .._optional import require_pyarrow, zarr
from ._directory import Manifest, locked
from ._records import Record
from ._writers import Layout, ParquetWriter, Part

_NOTE = "skembed"


@dataclass(frozen=True)
class DirectoryFormat:
    """Writes and reads the parts of a directory.

    Parameters
    ----------
    directory : Path
        Whose parts they are.
    manifest : Manifest
        What it holds.
    """

    directory: Path
    manifest: Manifest
    kind: ClassVar[str]
    suffix: ClassVar[str] = ""  # of the directory, by which the command chooses this format

    @staticmethod
    def require_libraries() -> None:
        """Check that what writes and reads this format is installed."""

    def prepare(self) -> None:
        """Make what all parts share."""

    def record(self, number: int) -> Record | None:
        """Return the record of a part; None where the part is not there, or not whole."""
        raise NotImplementedError

    def write(self, number: int, parts: Iterator[Part], record: Callable[[], Record]) -> Record:
        """Write a part; `record` is asked for its record when all rows have been drawn."""
        raise NotImplementedError

    def rows(self, number: int) -> np.ndarray:
        """Return the rows of a part: an array of shape (n, n_features), perhaps mapped."""
        raise NotImplementedError

    def texts(self, number: int, column: str) -> list[Any]:
        """Return a column of a part: ``"path"``, ``"label"`` or ``"error"``."""
        raise NotImplementedError

    @property
    def layout(self) -> Layout:
        """What a part holds."""
        return Layout(
            n_rows=0,
            features=self.manifest.features,
            dtype=np.dtype(self.manifest.dtype),
            has_labels=self.manifest.has_labels,
            has_errors=True,
            has_rows=True,
        )


class ParquetDirectory(DirectoryFormat):
    """``part-00000.parquet`` and so on; the features are one column of lists of one length."""

    kind = "parquet"

    @staticmethod
    def require_libraries() -> None:
        require_pyarrow()

    def file(self, number: int) -> Path:
        """Return the path of a part."""
        return self.directory / f"part-{number:05}.parquet"

    def record(self, number: int) -> Record | None:
        from pyarrow import ArrowException, parquet

        try:
            notes = parquet.read_metadata(self.file(number)).metadata or {}
            return Record.from_facts(json.loads(notes[_NOTE.encode()]))
        except (OSError, ArrowException, KeyError, ValueError):
            return None

    def write(self, number: int, parts: Iterator[Part], record: Callable[[], Record]) -> Record:
        with (
            written_whole(self.file(number)) as files,
            ParquetWriter(files, self.layout) as opened,
        ):
            file = cast(ParquetWriter, opened)
            for part in parts:
                file.write(part)
            file.finish()
            done = record()
            file.note(_NOTE, done.facts())
        return done

    def rows(self, number: int) -> np.ndarray:
        from pyarrow import parquet

        table = parquet.read_table(self.file(number), columns=["embedding"], memory_map=True)
        lists = table["embedding"].combine_chunks()
        width = len(self.manifest.features)
        return (
            np.asarray(lists.values).reshape(-1, width) if len(lists) else self._no_rows(width)
        )

    def _no_rows(self, width: int) -> np.ndarray:
        return np.empty((0, width), self.manifest.dtype)

    def texts(self, number: int, column: str) -> list[Any]:
        from pyarrow import parquet

        return parquet.read_table(self.file(number), columns=[column])[column].to_pylist()


class ZarrDirectory(DirectoryFormat):
    """A Zarr group with the arrays ``embedding``, ``path``, ``error`` and perhaps ``label``.

    Chunks are parts. Those of ``embedding`` are not compressed, so that they can be mapped into
    memory; floats hardly shrink. A part's record is written last.
    """

    kind = "zarr"
    suffix = ".zarr"

    @staticmethod
    def require_libraries() -> None:
        zarr()

    def prepare(self) -> None:
        n, size = sum(self.manifest.lengths), max(self.manifest.lengths)
        width = len(self.manifest.features)
        with locked(self.directory, "zarr"):
            if (self.directory / "embedding" / "zarr.json").exists():
                return
            facts = {"skembed": self.manifest.description}
            group = zarr().open_group(self.directory, mode="a", attributes=facts)
            for name in self._text_arrays:
                group.create_array(name, shape=(n,), chunks=(size,), dtype=str, overwrite=True)
            group.create_array(
                "embedding",
                shape=(n, width),
                chunks=(size, width),
                dtype=self.manifest.dtype,
                compressors=None,
                filters=None,
                config={"write_empty_chunks": True},
                overwrite=True,
            )

    @property
    def _text_arrays(self) -> list[str]:
        return [name for name in self.layout.text_columns if name != "row"]

    def _record_file(self, number: int) -> Path:
        return self.directory / "_records" / f"part-{number:05}.json"

    def record(self, number: int) -> Record | None:
        try:
            return Record.from_facts(json.loads(self._record_file(number).read_text("utf-8")))
        except (OSError, ValueError):
            return None

    def write(self, number: int, parts: Iterator[Part], record: Callable[[], Record]) -> Record:
        drawn = [Part(part.texts, part.rows.copy()) for part in parts]
        done, file = record(), self._record_file(number)
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)  # a part that is replaced is not whole meanwhile
        if drawn:
            place = self._place(number)
            group = zarr().open_group(self.directory, mode="r+")
            group["embedding"][place] = np.concatenate([part.rows for part in drawn])
            for name in self._text_arrays:
                texts = [text or "" for part in drawn for text in part.texts[name]]
                group[name][place] = np.array(texts, dtype=object)
        with written_whole(file) as (temporary,):
            temporary.write_text(json.dumps(done.facts()), encoding="utf-8")
        return done

    def rows(self, number: int) -> np.ndarray:
        width, n = len(self.manifest.features), self.manifest.lengths[number]
        file = self.directory / "embedding" / "c" / str(number) / "0"
        dtype = np.dtype(self.manifest.dtype).newbyteorder("<")
        if not n:
            return np.empty((0, width), dtype)
        # The last chunk is as long as the others, and filled up.
        return np.memmap(file, dtype, mode="r", shape=(max(self.manifest.lengths), width))[:n]

    def texts(self, number: int, column: str) -> list[Any]:
        if column == "row":
            place = self._place(number)
            return list(range(place.start, place.stop))
        texts = zarr().open_group(self.directory, mode="r")[column][self._place(number)]
        return (
            [str(text) or None for text in texts]
            if column == "error"
            else list(map(str, texts))
        )

    def _place(self, number: int) -> slice:
        start = self.manifest.starts[number]
        return slice(start, start + self.manifest.lengths[number])


FORMATS: dict[str, type[DirectoryFormat]] = {
    one.kind: one for one in (ParquetDirectory, ZarrDirectory)
}


def kind_of(directory: Path) -> str:
    """Return the kind of a directory that is to be written, which its suffix may say."""
    by_suffix = {one.suffix: one.kind for one in FORMATS.values()}
    return by_suffix.get(directory.suffix, by_suffix[""])
