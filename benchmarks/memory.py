"""Whether memory grows with the number of images: ``python benchmarks/memory.py``.

Peak memory of embedding 20,000 distinct images against 2,000, besides the array that is
returned, which has to grow: at most 1.1 times is allowed. Every run is a process of its own,
so that its peak is its own. From files and from bytes in a list, with the store and without.
(The bytes themselves are in memory before anything is embedded; they are counted apart.)
The kernels that resize, which a process loads once, when it has resized some hundred photographs,
are loaded in every run: they take memory, and not more of it with more images.

The images are small distinct JPEGs, cut from real photographs. A small network, so that the
whole takes minutes. Prints a Markdown table; exits with 1 where more is used than allowed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ALLOWED = 1.1
_SIDE = 256  # pixels
_INPUT = 64
_INPUTS = ("files", "bytes")
_CACHES = (False, True)


def main() -> int:
    options = _options()
    if options.run:
        print(json.dumps(_run(json.loads(options.run))))
        return 0
    few, many = options.images
    worst = 0.0
    print("| images | store | peak MB, few | peak MB, many | besides the rows | times |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="skembed-memory-") as folder:
        jpegs = Path(folder, "jpegs")
        _make_images(options.photographs, jpegs, many)
        # An engine may export or compile for the first time, which takes memory of its own.
        _apart({"folder": str(jpegs), "n": 8, "kind": "files", "cache": False}, options)
        for kind in options.inputs:
            for cache in options.caches:
                peaks = []
                for n in (few, many):
                    asked = {"folder": str(jpegs), "n": n, "kind": kind}
                    store = Path(folder, f"store-{kind}-{n}")
                    asked["cache"] = str(store) if cache else False
                    peaks.append(_apart(asked, options))
                times = peaks[1]["besides"] / peaks[0]["besides"]
                worst = max(worst, times)
                print(
                    f"| {kind} | {'yes' if cache else 'no'} | {peaks[0]['peak']:.0f} "
                    f"| {peaks[1]['peak']:.0f} "
                    f"| {peaks[0]['besides']:.0f} -> {peaks[1]['besides']:.0f} | {times:.3f} |",
                    flush=True,
                )
    print(f"\n{few:,} images against {many:,}: at most {worst:.3f} times; allowed {ALLOWED}")
    return int(worst > ALLOWED)


def _options() -> argparse.Namespace:
    shared = Path(os.environ.get("SKEMBED_TEST_DATA", Path(__file__).parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=int, nargs=2, default=[2_000, 20_000], metavar=("FEW", "MANY")
    )
    parser.add_argument("--inputs", nargs="+", choices=_INPUTS, default=_INPUTS)
    parser.add_argument("--no-store", dest="caches", action="store_const", const=(False,),
                        default=_CACHES)  # fmt: skip
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--photographs", type=Path, default=shared / "data")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    return parser.parse_args()


def _make_images(source: Path, folder: Path, n: int) -> None:
    """Cut `n` distinct squares, at steps of 8 pixels, out of the photographs."""
    photographs = sorted(source.glob("**/*.jpg"))
    if not photographs:
        raise SystemExit(
            f"No photographs (*.jpg) below {source}: say where with --photographs."
        )
    folder.mkdir()
    generator = np.random.default_rng(0)
    for i in range(n):
        with Image.open(photographs[i % len(photographs)]) as image:
            # A corner of its own for each, of a size of its own.
            side = min(image.size) * (1 - 0.01 * (i // len(photographs)))
            left, top = generator.random(2) * (np.array(image.size) - side)
            box = (left, top, left + side, top + side)
            small = image.convert("RGB").resize((_SIDE, _SIDE), box=box)
        small.save(folder / f"{i:06d}.jpg", quality=85)


def _apart(asked: dict, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--run", json.dumps(asked), "--engine", options.engine]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - us
    return json.loads(done.stdout.splitlines()[-1])


def _run(asked: dict) -> dict[str, float]:
    """Embed, and return the peak; besides the rows, and the bytes that we brought ourselves."""
    from skembed import PretrainedEmbedder
    from skembed.images._resample import kernels

    options = _options()
    kernels.load()
    given: list = sorted(str(path) for path in Path(asked["folder"]).iterdir())[: asked["n"]]
    if asked["kind"] == "bytes":
        given = [Path(path).read_bytes() for path in given]
    own = sum(map(sys.getsizeof, given)) / 2**20
    embedder = PretrainedEmbedder(
        "mobilenet",
        weights=None,
        image_size=_INPUT,
        cache=asked["cache"],
        engine=options.engine,
        progress=False,
    )
    rows = embedder.transform(given)
    peak = _peak()
    if not np.isfinite(rows).all() or len(np.unique(rows[:, :8], axis=0)) < 0.99 * len(rows):
        raise RuntimeError("The images are not distinct.")
    return {"peak": peak, "besides": peak - rows.nbytes / 2**20 - own}


def _peak() -> float:
    """The largest resident set of this process in MB, and not of the one that started it."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    if found is None:
        raise RuntimeError("This needs Linux.")
    return int(found[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
