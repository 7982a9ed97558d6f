"""Pictures of what is no notebook: a terminal, the page of the search, a report."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser
from rich.console import Console
from rich.text import Text
from search_server import serving
from windows import THEMES, WIDTHS, take, window

from skembed import ImageSearch, PretrainedEmbedder
from skembed.cli import main
from skembed.evaluation import demo_images
from skembed.search import SearchFolder

# Characters in a line of a terminal as wide as the window.
_COLUMNS = {"wide": 88, "narrow": 46}
_PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: {ground}; }}
#terminal {{ padding: 16px; display: grid; gap: 12px; }}
#tiles {{ display: flex; flex-wrap: wrap; gap: 4px; }}
#tiles img {{ width: {side}px; height: {side}px; border-radius: 3px; }}
pre {{ margin: 0; font: 13px/1.4 "DejaVu Sans Mono", monospace; color: {text};
  white-space: pre-wrap; overflow-wrap: anywhere; }}
</style><div id="terminal"><div id="tiles">{tiles}</div>{said}</div>"""
_COLOURS = {"light": ("#f6f8fa", "#1f2328"), "dark": ("#161b22", "#e6edf3")}


def demo(browser: Browser, own: Path, made: Path, names: list[str]) -> None:
    """A terminal, in which ``skembed demo`` has run, below some of its tiles."""
    tiles = demo_images()
    shown = [tiles.images[tiles.labels == label][4] for label in dict.fromkeys(tiles.labels)]
    pictures = "".join(f'<img src="{_as_uri(tile)}">' for tile in shown)
    for width, columns in _COLUMNS.items():
        said = _said(columns, own / width)
        (made / f"demo-{width}.txt").write_text(Text.from_ansi(said).plain, encoding="utf-8")
        for theme, (ground, text) in _COLOURS.items():
            with window(browser, width, theme) as context:
                page = context.new_page()
                page.set_content(
                    _PAGE.format(
                        ground=ground,
                        text=text,
                        side=58 if width == "wide" else 48,
                        tiles=pictures,
                        said=_as_html(said, columns),
                    )
                )
                take(page.locator("#terminal"), made, "demo", width, theme)


def _said(columns: int, cache: Path) -> str:
    """The first lines that a terminal of so many columns shows, of a first run."""
    environment = {"COLUMNS": str(columns), "FORCE_COLOR": "1", "SKEMBED_CACHE_DIR": str(cache)}
    ran = subprocess.run(
        [sys.executable, "-m", "skembed", "demo"],
        env={**os.environ, "TERM": "xterm-256color", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = ran.stdout.splitlines()
    table = next(i for i, line in enumerate(lines) if "recall" in line)
    return "\n".join(["$ skembed demo", *lines[: table + 8], "..."])


def _as_html(said: str, columns: int) -> str:
    console = Console(record=True, file=io.StringIO(), width=columns, force_terminal=True)
    console.print(Text.from_ansi(said), soft_wrap=True)
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def report(browser: Browser, own: Path, made: Path, names: list[str]) -> None:
    """The page of ``skembed classify --report``, with a tile in the folder of another class."""
    tiles = demo_images()
    folder = own / "tiles"
    for i, (tile, label) in enumerate(zip(tiles.images, tiles.labels, strict=True)):
        if label in ("brick", "camera", "cat", "coffee", "grass", "motorcycle"):
            place = folder / (
                "coffee" if i == np.flatnonzero(tiles.labels == "cat")[4] else label
            )
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(tile).save(place / f"{label}_{i:03}.png")
    os.chdir(own)
    assert main(["classify", "tiles", "--report", "report.html"]) == 0  # noqa: S101
    for width in WIDTHS:
        for theme in THEMES:
            with window(browser, width, theme) as context:
                page = context.new_page()
                page.goto((own / "report.html").as_uri())
                take(page.locator("html"), made, "report", width, theme)


def search(browser: Browser, own: Path, made: Path, names: list[str]) -> None:
    """The page of ``skembed search serve``, after a picture was dropped."""
    tiles = demo_images()
    paths = []
    for i, (tile, label) in enumerate(zip(tiles.images, tiles.labels, strict=True)):
        paths.append(str(own / f"{label}_{i:03}.png"))
        Image.fromarray(tile).save(paths[-1])
    folder = SearchFolder(own / "index", ImageSearch(PretrainedEmbedder()))
    folder.put([(Path(path).name, path) for path in paths])
    asked = paths[int(np.flatnonzero(tiles.labels == "coffee")[3])]
    with serving(folder) as port:
        for width in WIDTHS:
            for theme in THEMES:
                with window(browser, width, theme, height=700) as context:
                    page = context.new_page()
                    page.goto(f"http://127.0.0.1:{port}/")
                    page.set_input_files("#file", asked)
                    page.locator("#status", has_text="Images like").wait_for()
                    page.wait_for_load_state("networkidle")
                    take(page, made, "search", width, theme)


def _as_uri(pixels: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
