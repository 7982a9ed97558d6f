"""Make the pictures of the documentation: ``python docs/_pictures [NAME ...]``.

They show the demo's tiles, in Chromium, light and dark, for wide and for narrow windows, and lie in
``docs/_pictures/made``. The build calls this with ``--changed``, which makes those alone whose
program has changed. ``--readme`` puts the one that the README shows where it is looked for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MADE, README = HERE / "made", ROOT / "docs/images/demo.png"
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / name) for name in ("", "browser"))]

from pages import demo, report, search  # noqa: E402
from windows import THEMES, WIDTHS, file_name, opened_chromium  # noqa: E402
from within_jupyter import WIDGETS, magic, widgets  # noqa: E402

# The program of each, and the pictures that it makes.
MAKERS = {
    demo: ("demo",),
    report: ("report",),
    search: ("search",),
    magic: ("magic",),
    widgets: tuple(WIDGETS),
}


def main() -> None:
    known = [name for names in MAKERS.values() for name in names]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all")
    parser.add_argument("--changed", action="store_true", help="those alone that have changed")
    parser.add_argument("--readme", action="store_true", help="write docs/images/demo.png too")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"there are no {sorted(unknown)}")
    MADE.mkdir(exist_ok=True)
    wanted = set(options.names or known)
    if options.changed:
        wanted = {name for name in wanted if not _is_current(name)}
    if wanted:
        make(wanted)
    if options.readme:
        _write_readme()


def _write_readme() -> None:
    """Write the README's picture, with what it says as text, which a test compares."""
    said = PngInfo()
    said.add_text("Description", (MADE / "demo-wide.txt").read_text(encoding="utf-8"))
    with Image.open(MADE / file_name("demo", "wide", "dark")) as picture:
        picture.save(README, pnginfo=said, optimize=True)


def make(wanted: set[str]) -> None:
    """Make the pictures of these names, and note what they were made by."""
    with tempfile.TemporaryDirectory() as own, opened_chromium() as browser:
        # A store of its own, so that what is shown of it is the same for everybody.
        os.environ["SKEMBED_CACHE_DIR"] = f"{own}/cache"
        for maker, names in MAKERS.items():
            if chosen := [name for name in names if name in wanted]:
                folder = Path(own, maker.__name__)
                folder.mkdir()
                maker(browser, folder, MADE, chosen)
    digests = _digests()
    (MADE / "digests.json").write_text(
        json.dumps({**digests, **dict.fromkeys(wanted, _digest())}, indent=1)
    )


def _is_current(name: str) -> bool:
    files = [file_name(name, width, theme) for width in WIDTHS for theme in THEMES]
    return _digests().get(name) == _digest() and all((MADE / file).exists() for file in files)


def _digests() -> dict[str, str]:
    file = MADE / "digests.json"
    return json.loads(file.read_text()) if file.exists() else {}


def _digest() -> str:
    """Of all that a picture may show: the package and these programs."""
    files = [*(ROOT / "skembed").rglob("*.*"), *HERE.glob("*.py")]
    kinds = {".py", ".js", ".css", ".html"}
    found = hashlib.sha256()
    for file in sorted(file for file in files if file.suffix in kinds):
        found.update(file.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    main()
