"""skembed against its peers, on this machine's CPU: ``python benchmarks/extract.py``.

Each contender is a process of its own, which builds its network once and then runs a second or
two whenever it is its turn: all in each round, in an order that rotates. The tables give
medians over the rounds, beside the slowest and the fastest. Before that every contender's
settings are tried (batch size, workers, streams, compiler, decoder ...); the table says which
won. All see the same JPEGs, made from real photographs, and may use the same number of threads.
Random weights; no result cache. ``benchmarks/README.md`` says how to read the tables, and what a
fair run needs.

Prints Markdown, and writes it with every round to ``benchmarks/results/extract-DATE.{md,json}``.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _peers.client import Client, Failed
from _peers.contender import ENTRIES, LARGE, NETWORK_ONLY, PARTS, SMALL, Entry, NotThere
from _peers.machine import machine
from _peers.networks import NETWORKS
from _peers.photographs import make_photographs, save_pixels
from _peers.report import Row, table
from _peers.tune import Settling, turn

_SIZES = {SMALL: (500, 375), LARGE: (2000, 1500)}
_IN_MEMORY = 64  # images for the network alone
_SETTLED = ("batch", "run", "bfloat16")
_PAUSE = 0.2  # seconds: threads that spin when their work is done shall not disturb the next
_ONLY = {"network": (NETWORK_ONLY,), "end-to-end": (SMALL, LARGE), "small": (SMALL,),
         "large": (LARGE,)}  # fmt: skip


@dataclass(frozen=True)
class Images:
    """The JPEGs of each size, and pixels for the network alone."""

    paths: dict[str, list[str]]
    pixels: Path


@dataclass(frozen=True)
class Ready:
    """A contender that is built, and what a turn is for it."""

    row: Row
    client: Client
    passes: int
    n: int


def main() -> None:
    options = _options()
    started = dt.datetime.now()
    facts = machine() | {"started": f"{started:%Y-%m-%d %H:%M}"}
    tables: list[str] = []
    everything: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="skembed-extract-") as folder:
        images, facts["images"] = _images(options, Path(folder))
        for network in options.networks:
            network_rows: list[Row] = []
            for part in options.parts:
                rows = _part(network, part, images, network_rows, Path(folder), options)
                if part == NETWORK_ONLY:
                    network_rows = rows
                tables.append(f"### {network}, {part}\n\n{table(part, rows, network_rows)}\n")
                print(f"\n{tables[-1]}", flush=True)
                everything += [{"network": network, "part": part} | r.facts() for r in rows]
                minutes = (dt.datetime.now() - started).total_seconds() / 60
                facts["minutes"] = f"{minutes:.0f}"
                # After each part: a run that is cut short has not been for nothing.
                _write(
                    options.results, f"extract-{started:%Y-%m-%d}", facts, tables, everything
                )
    print(_listed(facts))


def _write(
    folder: Path,
    name: str,
    facts: dict[str, str],
    tables: list[str],
    everything: list[dict[str, Any]],
) -> None:
    folder.mkdir(exist_ok=True)
    text = "\n".join([f"# {name}\n", f"{_listed(facts)}\n", *tables])
    (folder / f"{name}.md").write_text(text)
    data = {"machine": facts, "rows": everything}
    (folder / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")


def _listed(facts: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _options() -> argparse.Namespace:
    here = Path(__file__).parent
    shared = Path(os.environ.get("SKEMBED_TEST_DATA", here.parents[1] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument(
        "--contenders", nargs="+", metavar="WORDS",
        help="those whose line (name, precision, decoding) has one of these in it",
    )  # fmt: skip
    parser.add_argument("--only", choices=list(_ONLY), help="one part")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.2, help="for a turn, about")
    parser.add_argument(
        "--images", type=int, nargs=2, default=[512, 128], metavar=("SMALL", "LARGE")
    )
    parser.add_argument(
        "--photographs", type=Path, default=shared / "data", help="to make the JPEGs from"
    )
    parser.add_argument("--results", type=Path, default=here / "results")
    parser.add_argument(
        "--quick", action="store_true", help="to see that it runs: nothing tried, short turns"
    )
    options = parser.parse_args()
    options.parts = _ONLY[options.only] if options.only else PARTS
    if options.quick:
        options.rounds, options.seconds, options.images = 2, 0.5, [64, 32]
    if min(options.images) < 32:
        parser.error("--images: at least 32 of each, a full batch for everyone")
    return options


def _images(options: argparse.Namespace, folder: Path) -> tuple[Images, str]:
    paths, said = {}, []
    for (part, size), n in zip(_SIZES.items(), options.images, strict=True):
        made = make_photographs(options.photographs, folder / f"jpegs-{size[0]}", n, size)
        paths[part], bits = made
        said.append(f"{n} of {part} ({bits:.1f} bits a pixel)")
    pixels = folder / "pixels.npy"
    save_pixels(paths[SMALL][:_IN_MEMORY], pixels)
    return Images(paths, pixels), f"JPEG, quality 90, 4:2:0: {', '.join(said)}"


def _part(
    network: str,
    part: str,
    images: Images,
    network_rows: list[Row],
    scratch: Path,
    options: argparse.Namespace,
) -> list[Row]:
    """Find everyone's settings, build everyone, and let them run in turn."""
    rows, ready = [], []
    paths = images.paths.get(part, [])
    available = len(paths) or _IN_MEMORY

    def client(entry: Entry) -> Client:
        return Client(
            entry,
            network=network,
            part=part,
            threads=len(os.sched_getaffinity(0)),
            scratch=scratch,
            paths=paths,
            images=images.pixels,
        )

    with contextlib.ExitStack() as running:
        for entry in _entries(network, part, options):
            started = time.perf_counter()
            row = Row(entry)
            rows.append(row)
            try:
                one = running.enter_context(client(entry))
                settling = Settling(
                    one.axes(),
                    _settled(entry, network_rows),
                    seconds=options.seconds / 2,
                    available=available,
                    quick=options.quick,
                )
                if settling.of_reading and network_rows:
                    settling.search(one)
                else:
                    # Other networks, and what is exported or compiled the first time, must not
                    # count as memory of the one that won.
                    with client(entry) as trying:
                        settling.search(trying)
                row.setting, row.tried = settling.setting, settling.tried
                built = one.build(row.setting)
                row.detail = built["detail"]
                rate = max([built["rate"], *settling.tried.values()])
                passes, n = turn(rate, options.seconds, available, built["n"])
                ready.append(Ready(row, one, passes, n))
                said = f"{rate:.0f} images/s; {row.how}"
            except (NotThere, Failed) as why:
                said = row.missing = f"{'' if isinstance(why, Failed) else 'not there: '}{why}"
            seconds = time.perf_counter() - started
            print(f"{network}, {part}: {entry.key}: {said} ({seconds:.0f} s)", flush=True)
        _take_turns(ready, options.rounds)
    return rows


def _entries(network: str, part: str, options: argparse.Namespace) -> list[Entry]:
    words = options.contenders
    return [
        entry
        for entry in ENTRIES
        if part in entry.parts
        and (not entry.networks or network in entry.networks)
        and (not words or any(word.lower() in entry.key.lower() for word in words))
    ]


def _settled(entry: Entry, network_rows: list[Row]) -> dict[str, Any]:
    """What was best for the network alone and stays so where files are read beside it.

    How the cores are shared - threads, streams, requests - is tried again.
    """
    for row in network_rows:
        if (row.entry.name, row.entry.precision) == (entry.name, entry.precision):
            return {name: row.setting[name] for name in _SETTLED if name in row.setting}
    return {}


def _take_turns(ready: list[Ready], rounds: int) -> None:
    for one in ready:  # whatever a first turn has to do is not timed
        _go(one, 1)
        one.row.rounds.clear()
    for i in range(rounds):
        first = i % max(1, len(ready))
        for one in ready[first:] + ready[:first]:
            time.sleep(_PAUSE)
            _go(one, one.passes)


def _go(one: Ready, passes: int) -> None:
    if one.row.missing:
        return
    try:
        one.row.rounds.append(one.client.go(passes, one.n))
    except Failed as error:
        one.row.missing, one.row.rounds = str(error), []


if __name__ == "__main__":
    main()
