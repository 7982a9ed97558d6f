"""Whether ``skembed embed`` takes bounded memory, and goes on where it was.

``python benchmarks/embed_command.py``

The command writes 2,000 distinct images to Parquet, then 20,000, rows included in what is
measured: the peak of the second may be at most 1.1 times that of the first. Then it is killed when
half of the 20,000 images have run, and given again: both runs together must compute each image
once, and the file must hold the rows of the first. All that with the store, and with
``--no-cache``.

The images are tiles of real photographs, as small as the network's input. Prints Markdown; exits
with 1 where more memory is used than allowed, or an image is computed twice. Needs Linux.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from pyarrow import parquet

ALLOWED = 1.1
_SIDE = 72  # pixels
_LOOK = 0.05  # seconds


def main() -> int:
    options = _options()
    few, many = options.images
    failed = False
    print("| store | peak MB, few | peak MB, many | times | seconds | killed at | then ran |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="skembed-embed-") as name:
        folder = Path(name)
        _make_tiles(options.photographs, folder / "many", many)
        for count in (8, few):
            _link(folder / "many", folder / f"{count}", count)
        for kept in options.stores:
            run = Command(folder, options, kept=kept)
            run.finish(
                "8", "warm"
            )  # exports or compiles for the first time, which takes memory
            peaks = [run.finish(f"{few}", "few")[0]]
            begun = time.perf_counter()
            peaks.append(run.finish("many", "whole")[0])
            seconds = time.perf_counter() - begun
            there = run.kill("many", "halves", many // 2)
            _, ran = run.finish("many", "halves")
            same = _rows(folder / "whole.parquet") == _rows(folder / "halves.parquet")
            times = peaks[1] / peaks[0]
            failed |= times > ALLOWED or there + ran != many or not same
            print(
                f"| {'the user' if kept else 'beside the output'} | {peaks[0]:.0f} "
                f"| {peaks[1]:.0f} | {times:.3f} | {seconds:.0f} | {there:,} | {ran:,} |",
                flush=True,
            )
    print(
        f"\n{few:,} images against {many:,}; allowed {ALLOWED} times, and {many:,} run in both."
    )
    return int(failed)


class Command:
    """The command as a person gives it, in processes whose memory is looked at."""

    def __init__(self, folder: Path, options: argparse.Namespace, *, kept: bool):
        self._folder, self._kept = folder, kept
        self._options = ["--backbone", options.backbone, "--engine", options.engine]
        if options.image_size:
            self._options += ["--image-size", str(options.image_size)]
        self._options += [] if kept else ["--no-cache"]

    def finish(self, images: str, output: str) -> tuple[float, int]:
        """Run it to its end; return the peak in MB, and how many images ran."""
        with (self._folder / "said").open("w+") as said:
            process = self._start(images, output, said)
            peak = _watched(process, lambda: False)
            said.seek(0)
            text = said.read()
        if process.returncode:
            raise SystemExit(text)
        found = re.search(r"([\d,]+) through the network", text)
        return peak, int(found[1].replace(",", "")) if found else 0

    def kill(self, images: str, output: str, n: int) -> int:
        """Kill it when `n` images have run; return how many rows are kept."""
        from skembed import cache_info

        store = self._store(output)
        if not self._kept:
            store = self._folder / f".{output}.parquet.unfinished" / "store"

        def stored() -> int:
            return sum(spec.rows for spec in cache_info(store).specs) if store.exists() else 0

        with (self._folder / "said").open("w") as said:
            _watched(self._start(images, output, said), lambda: stored() >= n)
        return stored()

    def _store(self, output: str) -> Path:
        return self._folder / f"store-{output}"

    def _start(self, images: str, output: str, said) -> subprocess.Popen:
        path = self._folder / f"{output}.parquet"
        command = [sys.executable, "-m", "skembed", "embed", str(self._folder / images)]
        command += ["-o", str(path), "--force", *self._options]
        variables = {**os.environ, "SKEMBED_CACHE_DIR": str(self._store(output))}
        return subprocess.Popen(command, stdout=said, stderr=said, env=variables)  # noqa: S603 - us


def _watched(process: subprocess.Popen, is_enough: Callable[[], bool]) -> float:
    """Wait for the end of a process, or kill it when it is enough; return its peak in MB."""
    peak = 0.0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        if found := re.search(r"VmHWM:\s+(\d+) kB", status):  # none at its very end
            peak = int(found[1]) / 1024
        if is_enough():
            process.kill()
        time.sleep(_LOOK)
    return peak


def _rows(path: Path) -> bytes:
    """The rows of a file."""
    return np.stack(parquet.read_table(path)["embedding"].to_numpy()).tobytes()


def _make_tiles(source: Path, folder: Path, n: int) -> None:
    """Cut `n` distinct tiles out of some fifty photographs."""
    names = sorted(source.glob("**/*.jpg"))
    if not names:
        raise SystemExit(
            f"No photographs (*.jpg) below {source}: say where with --photographs."
        )
    folder.mkdir()
    generator = np.random.default_rng(0)
    photographs = []
    for name in names[:: max(1, len(names) // 50)]:
        with Image.open(name) as image:
            photographs.append(image.convert("RGB").copy())
    seen: set[bytes] = set()
    for image in itertools.cycle(photographs):
        if len(seen) == n:
            break
        left, top = (int(x) for x in generator.integers(0, np.array(image.size) - _SIDE))
        tile = image.crop((left, top, left + _SIDE, top + _SIDE))
        digest = hashlib.blake2b(tile.tobytes(), digest_size=16).digest()
        if digest not in seen:
            tile.save(folder / f"{len(seen):06d}.png", compress_level=1)
            seen.add(digest)


def _link(source: Path, folder: Path, n: int) -> None:
    """Make a folder of the first `n` images of another."""
    folder.mkdir()
    for path in sorted(source.iterdir())[:n]:
        (folder / path.name).hardlink_to(path)


def _options() -> argparse.Namespace:
    shared = Path(os.environ.get("SKEMBED_TEST_DATA", Path(__file__).parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=int, nargs=2, default=[2_000, 20_000], metavar=("FEW", "MANY")
    )
    parser.add_argument("--backbone", default="efficientnet_lite0", metavar="NAME")
    parser.add_argument("--image-size", type=int, default=64, metavar="PIXELS")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--store-only", dest="stores", action="store_const", const=(True,),
                        default=(True, False))  # fmt: skip
    parser.add_argument("--photographs", type=Path, default=shared / "data")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
