"""Damage a store at random, and see that rows stay right.

The suite tries a few of these, and ``benchmarks/robustness.py`` as many as one likes. Each
trial copies a filled store, damages one thing in it, and then asks for rows of which it holds
most (a look-up and an append), for ``cache_info`` and for ``cache_clear``. Right is: the same
bits as without a store, at most one warning, no error but one of ours that says why the folder
is left alone, an empty store in the end, and nothing changed outside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from extraction_helpers import CRUMBS, save_network
from PIL import Image
from store_helpers import forget_connections

from skembed import PretrainedEmbedder, StoreWarning, cache_clear, cache_info
from skembed.store import store_directory

KNOWN, ALL = 24, 30  # images in the store, and images asked for
VALUES = (
    None,
    "x",
    "",
    "{",
    '[["low", 4',
    "[1, 2]",
    b"\x00\xff",
    1.5,
    0,
    -1,
    2**31,
    2**62,
    2**63 - 1,
)


class Trials:
    """A filled store to take copies of, and what is right."""

    def __init__(self, folder: Path):
        self.folder = folder
        network = save_network(folder / "network.keras")
        self.images = [str(folder / f"{i}.png") for i in range(ALL)]
        for path, crumb in zip(self.images, CRUMBS, strict=False):
            Image.fromarray(crumb).save(path)
        time.sleep(2.1)  # younger files are not remembered
        options = {"backbone": network, "engine": "jax", "n_jobs": 1, "progress": False}
        self.options = [options | {"layers": layers} for layers in ("embedding", -2)]
        self.right = [self._rows(number, False) for number in range(2)]
        for number in range(2):
            self._rows(number, folder / "filled", self.images[:KNOWN])
        # Once as a kill leaves it, with its log; once as the last process leaves it.
        shutil.copytree(folder / "filled", folder / "killed")
        forget_connections(folder / "filled")

    def run(self, damage: str, generator: np.random.Generator) -> str:
        """Try one damage; return what was done, or raise AssertionError."""
        cache = Path(tempfile.mkdtemp(dir=self.folder))
        state = generator.choice(["filled", "killed", "open"])
        source = self.folder / ("filled" if state == "open" else state)
        shutil.copytree(source, cache, dirs_exist_ok=True)
        if state == "open":
            self._rows(0, cache, self.images[:KNOWN])
        precious = self._precious(cache)
        done = f"{state}: {DAMAGES[damage](store_directory(cache), precious, generator)}"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self._use(cache, damage)
            except Exception as error:
                error.add_note(done)
                raise
        told = [str(w.message) for w in caught if w.category is StoreWarning]
        assert len(told) == len(caught) <= 1, (done, [str(w.message) for w in caught])
        assert _content(precious) == {"file": b"precious" * 1000}, done
        forget_connections(cache)
        shutil.rmtree(cache)
        return done

    def _use(self, cache: Path, damage: str) -> None:
        for _ in range(2):
            for number, right in enumerate(self.right):
                assert self._rows(number, cache).tobytes() == right.tobytes()
        refusal = None
        try:
            repr(cache_info(cache))
            cache_clear(cache=cache)
        except ValueError as error:  # of ours: a folder that need not be a store
            refusal = str(error)
        if refusal is None:
            assert cache_info(cache).specs == ()
        else:
            assert damage in MAY_BE_REFUSED, refusal
            assert "left alone" in refusal
        assert self._rows(0, cache).tobytes() == self.right[0].tobytes()

    def _rows(self, number: int, cache, images=None) -> np.ndarray:
        return PretrainedEmbedder(cache=cache, **self.options[number]).transform(
            images or self.images
        )

    def _precious(self, cache: Path) -> Path:
        folder = cache / "outside"
        folder.mkdir()
        (folder / "file").write_bytes(b"precious" * 1000)
        return folder


def value_in_the_index(store: Path, outside: Path, generator) -> str:
    """Set one value to something that it cannot be, or to that of another row."""
    connection = sqlite3.connect(store / "index.sqlite3")
    with contextlib.closing(connection):
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '')")
        connection.commit()
    connection = sqlite3.connect(store / "index.sqlite3")
    with contextlib.closing(connection):
        while True:
            table = str(generator.choice(["store", "layouts", "batches", "entries", "files"]))
            facts = connection.execute(f"PRAGMA table_info({table})").fetchall()
            column = str(generator.choice([fact[1] for fact in facts]))
            keys = [fact[1] for fact in facts if fact[5]] or ["rowid"]
            where = " AND ".join(f"{key} = ?" for key in keys)
            rows = connection.execute(f"SELECT {','.join(keys)} FROM {table}").fetchall()  # noqa: S608
            row = rows[generator.integers(len(rows))]
            value, change = _other_value(connection, table, column, generator)
            with contextlib.suppress(sqlite3.Error):
                connection.execute(
                    f"UPDATE {table} SET {column} = {change} WHERE {where}",  # noqa: S608
                    (value, *row),
                )
                connection.commit()
                return f"{table}.{column} of {row} is {value!r} ({change})"


def _other_value(connection, table: str, column: str, generator) -> tuple:
    kind = generator.integers(len(VALUES) + 2)
    if kind < len(VALUES):
        return VALUES[kind], "?"
    if kind == len(VALUES):
        return b"a\xff", "CAST(? AS TEXT)"
    values = connection.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608
    return values[generator.integers(len(values))][0], "?"


def rows_of_the_index(store: Path, outside: Path, generator) -> str:
    """Lose a table, rows of one, or gain a row."""
    statement = str(
        generator.choice(
            [
                "DROP TABLE entries",
                "DROP TABLE files",
                "DELETE FROM store",
                "DELETE FROM layouts",
                "DELETE FROM batches",
                "DELETE FROM entries WHERE slot % 3 = 0",
                "INSERT INTO free VALUES (1, 3)",
                "INSERT INTO free VALUES (1, 4000000000000)",
                "INSERT INTO uses VALUES (1, '../../outside/file')",
                "INSERT INTO uses VALUES ('x', 'x')",
                "INSERT INTO store VALUES ('0123456789abcdef')",
                "PRAGMA user_version = 0",
                "PRAGMA user_version = 12345678",
            ]
        )
    )
    connection = sqlite3.connect(store / "index.sqlite3")
    with contextlib.closing(connection):
        connection.execute(statement)
        connection.commit()
    return statement


def flipped_bytes(store: Path, outside: Path, generator) -> str:
    """Change a few bytes of a file."""
    path = _file(store, generator)
    content = bytearray(path.read_bytes())
    places = generator.integers(len(content), size=generator.integers(1, 9))
    for place in places:
        content[place] ^= int(generator.integers(1, 256))
    with path.open("r+b") as file:  # in place: others have it open
        file.write(content)
    return f"{path.name} has other bytes at {places.tolist()}"


def truncated(store: Path, outside: Path, generator) -> str:
    """Cut a file off."""
    path = _file(store, generator)
    size = int(generator.integers(path.stat().st_size))
    os.truncate(path, size)
    return f"{path.name} ends after {size} bytes"


def deleted(store: Path, outside: Path, generator) -> str:
    """Delete a file, or a whole sub-folder."""
    path = _place(store, generator)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return f"{path.name} is gone"


def swapped(store: Path, outside: Path, generator) -> str:
    """Let two files change places."""
    one, other = _file(store, generator), _file(store, generator)
    one.replace(store / "between")
    if other != one:
        other.replace(one)
    (store / "between").replace(other)
    return f"{one.name} is {other.name}"


def another_thing(store: Path, outside: Path, generator) -> str:
    """Put a link, a folder or a file in the place of something."""
    path = _place(store, generator)
    was_folder = path.is_dir()
    shutil.rmtree(path) if was_folder else path.unlink()
    kind = str(generator.choice(["link", "broken link", "folder", "full folder", "file"]))
    if kind == "link":
        path.symlink_to(outside if was_folder else outside / "file")
    elif kind == "broken link":
        path.symlink_to(outside / "nothing")
    elif kind == "file":
        path.write_bytes(generator.bytes(100))
    else:
        path.mkdir()
        if kind == "full folder":
            (path / "thing").write_text("thing")
    return f"{path.name} is a {kind}"


DAMAGES: dict[str, Callable[..., str]] = {
    "value": value_in_the_index,
    "rows": rows_of_the_index,
    "flip": flipped_bytes,
    "truncate": truncated,
    "delete": deleted,
    "swap": swapped,
    "other thing": another_thing,
}
# Where the damage may make a store look like another version's, or another program's.
MAY_BE_REFUSED = {"flip", "swap", "truncate", "other thing"}


def _file(store: Path, generator) -> Path:
    files = [path for path in sorted(store.rglob("*")) if path.is_file()]
    return _one_of([path for path in files if path.stat().st_size], generator)


def _place(store: Path, generator) -> Path:
    return _one_of(sorted(store.rglob("*")), generator)


def _one_of(paths: list[Path], generator) -> Path:
    return paths[generator.integers(len(paths))]


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
