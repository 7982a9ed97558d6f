"""Chromium's windows, wide and narrow, light and dark, and the pictures that are taken of them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_lab import BROWSER_OPTIONS
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, sync_playwright

THEMES = ("light", "dark")
# Width of the window in pixels of CSS, and how many pixels of the picture each of them is.
WIDTHS = {"wide": 860, "narrow": 400}
_SCALE = 1.5


@contextlib.contextmanager
def opened_chromium() -> Iterator[Browser]:
    """A browser for all pictures."""
    found = shutil.which("chromium")
    if found is None:
        raise SystemExit("The pictures are taken in Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=BROWSER_OPTIONS)


@contextlib.contextmanager
def window(
    browser: Browser, width: str, theme: str, *, height: int = 900
) -> Iterator[BrowserContext]:
    """A window of the browser, for one picture or several."""
    with browser.new_context(
        viewport={"width": WIDTHS[width], "height": height},
        color_scheme=theme,
        device_scale_factor=_SCALE,
    ) as context:
        context.set_default_timeout(120_000)
        yield context


def file_name(name: str, width: str, theme: str) -> str:
    """The file of a picture."""
    return f"{name}-{width}-{theme}.png"


def take(shown: Any, made: Path, name: str, width: str, theme: str) -> None:
    """Take a picture of a page or of a part of it."""
    path = made / file_name(name, width, theme)
    shown.screenshot(path=path)
    # 256 colours are a third of the bytes, and nobody sees it.
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
    small.save(path, optimize=True)
