"""How fast a map of points moves: ``python benchmarks/widgets.py``.

EmbeddingMap against jupyter-scatter, in the same headless Chromium, which draws on the processor.
The map is dragged by three pixels in each frame; what counts is the time from frame to frame, of
60 frames, in several rounds. jupyter-scatter runs in a kernel of its own environment: make it with
``python -m venv peers && peers/bin/pip install jupyter-scatter ipykernel jupyterlab`` and say
``--peer peers/bin/python``. Needs chromium, and the extra ``test``. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from jupyter_lab import BROWSER_OPTIONS, Lab, jupyter_server

POINTS = """import numpy as np
rng = np.random.default_rng(0)
n = {n}
y = rng.integers(0, 10, n)
xy = (np.c_[np.cos(y), np.sin(y)] + rng.normal(0, 0.25, (n, 2))).astype("float32")
"""
OURS = """from skembed.widgets import EmbeddingMap
EmbeddingMap(xy, labels=y)"""
PEER = """import jscatter, pandas as pd
frame = pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1], "label": pd.Categorical(y)})
jscatter.Scatter(data=frame, x="x", y="y", color_by="label", height=420).show()"""
# Each frame moves the pointer on, and asks for the next.
DRAG = """async ([selector, frames]) => {
    const canvas = document.querySelector(`.jp-OutputArea-output ${selector}`);
    const box = canvas.getBoundingClientRect();
    canvas.setPointerCapture = () => {};
    const fire = (target, kind, k, buttons) => {
        const place = { bubbles: true, button: 0, buttons, pointerId: 1, view: window,
            clientX: box.x + 150 + 3 * k, clientY: box.y + 150 };
        target.dispatchEvent(new PointerEvent(`pointer${kind}`, place));
        target.dispatchEvent(new MouseEvent(`mouse${kind}`, place));
    };
    fire(canvas, "move", 0, 0);
    fire(canvas, "down", 0, 1);
    const times = [];
    await new Promise(done => {
        const step = now => {
            times.push(now);
            if (times.length > frames) return done();
            fire(canvas, "move", times.length, 1);
            requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
    });
    fire(canvas, "up", 0, 0);
    return times.slice(1).map((time, i) => time - times[i]);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--peer", type=Path, help="a Python that has jupyter-scatter")
    options = parser.parse_args()
    contenders = {"skembed": (sys.executable, OURS, "canvas.sk-map")}
    if options.peer:
        contenders["jupyter-scatter"] = (str(options.peer), PEER, "canvas")
    print(
        "| points | map | ms from frame to frame, median | 90th percentile | shown after, s |"
    )
    print("| ---: | --- | ---: | ---: | ---: |")
    for n in options.points:
        for name, contender in contenders.items():
            rounds = [measure(*contender, n, options.frames) for _ in range(options.rounds)]
            frames = sorted(time for found, _ in rounds for time in found)
            shown = statistics.median(seconds for _, seconds in rounds)
            median, late = statistics.median(frames), frames[int(0.9 * len(frames))]
            print(f"| {n:,} | {name} | {median:.0f} | {late:.0f} | {shown:.1f} |", flush=True)


def measure(
    python: str, code: str, canvas: str, n: int, frames: int
) -> tuple[list[float], float]:
    """Return the milliseconds from frame to frame, and the seconds until the map was there."""
    with tempfile.TemporaryDirectory(prefix="widgets-", ignore_cleanup_errors=True) as own:
        folder = Path(own, "notebooks")
        folder.mkdir()
        path = sys.path if python == sys.executable else []
        with (
            jupyter_server(folder, Path(own), python, path) as address,
            sync_playwright() as playwright,
            playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=BROWSER_OPTIONS
            ) as browser,
        ):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            lab = Lab(context, address, folder)
            notebook = lab.open(POINTS.format(n=n), code)
            notebook.run(0)
            start = time.perf_counter()
            notebook.run(1)
            drawn = notebook.output(1).locator(canvas).first
            drawn.wait_for()
            seconds = time.perf_counter() - start
            drawn.scroll_into_view_if_needed()
            if python == sys.executable:
                lab.page.locator("button[value=pan]").click()
            lab.page.wait_for_timeout(1500)
            before = notebook.output(1).screenshot()
            times = lab.page.evaluate(DRAG, [canvas, frames])
            lab.page.wait_for_timeout(500)
            if notebook.output(1).screenshot() == before:
                raise RuntimeError("the map has not moved")
            lab.close()
            return times, seconds


if __name__ == "__main__":
    main()
