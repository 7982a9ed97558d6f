"""Read the built documentation as a browser and a reader do: ``python .ci/site.py FOLDER``.

Every link inside leads somewhere; no page asks another site for anything; no page shows a path of
the machine that built it; and what readers look for is three clicks from the first page, at most.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

MOST_CLICKS = 3
# What a reader looks for: the page, and words of the answer that stand on it.
SOUGHT = {
    "install": ("start.html#install", "pip install"),
    "broken files": ("broken.html", "on_error"),
    "choose a network": ("choose.html", "flowers17"),
    "save a model": ("saving.html", "skembed.save"),
    "similar images": ("similar.html", "ImageSearch"),
    "which engine": ("engines.html", "openvino"),
    "why is it slow": ("speed.html", "RowSpaceProjector"),
    "where is the cache": ("store.html", "SKEMBED_CACHE_DIR"),
    "cite": ("about.html#citing", "@software"),
    "licence of the weights": ("about.html#licences", "Apache-2.0"),
}
# What a browser loads by itself, by tag and attribute; of <link>, all but what it only notes.
LOADED = {
    *(("script", "src"), ("img", "src"), ("source", "src"), ("iframe", "src")),
    *(("video", "src"), ("embed", "src"), ("object", "data"), ("link", "href")),
}
_NOTED = {"canonical", "next", "prev", "author", "copyright"}
_IN_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?(https?:|//)""")


class Page(HTMLParser):
    """A page: the names within it, where it leads, what it loads and what it says."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.anchors = path, {"", "top"}
        self.links: list[str] = []
        self.loads: list[str] = []
        self._text: list[str] = []
        self._skipped = 0
        self.feed(path.read_text(encoding="utf-8"))

    @cached_property
    def text(self) -> str:
        """What a reader reads, without scripts and styles."""
        return "".join(self._text)

    def handle_starttag(self, tag, attrs):
        """Note names, links and what is loaded."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        self._skipped += tag in {"script", "style"}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "link" and set(found.get("rel", "").split()) & _NOTED:
            return
        self.loads += [value for name, value in found.items() if (tag, name) in LOADED]

    def handle_endtag(self, tag):
        """Go back to what is read."""
        self._skipped -= tag in {"script", "style"}

    def handle_data(self, data):
        """Keep what is read."""
        if not self._skipped:
            self._text.append(data)


class Site:
    """All pages of a built site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        files = sorted(self.folder.rglob("*.html"))
        self.pages = {path: Page(path) for path in files if "_static" not in path.parts}

    def complaints(self) -> Iterator[str]:
        """Give a line for each thing that is wrong."""
        for path, page in self.pages.items():
            name = path.relative_to(self.folder)
            for url in {*page.links, *page.loads}:
                if complaint := self._broken(page, url):
                    yield f"{name}: {complaint}"
            for url in page.loads:
                if urlsplit(url).netloc:
                    yield f"{name} loads {url} from another site"
            for place in _places():
                if place in page.text:
                    yield f"{name} shows a path of this machine: {place}"
        for style in self.folder.rglob("*.css"):
            if _IN_STYLES.search(style.read_text(encoding="utf-8")):
                yield f"{style.relative_to(self.folder)} loads something from another site"
        yield from self._far()

    def _broken(self, page: Page, url: str) -> str:
        target = self._target(page, url)
        if target is None:
            return ""
        path, anchor = target
        if not path.exists():
            return f"there is no {url}"
        if path in self.pages and anchor not in self.pages[path].anchors:
            return f"there is no #{anchor} in {path.relative_to(self.folder)}"
        return ""

    def _target(self, page: Page, url: str) -> tuple[Path, str] | None:
        """The file and the name in it that a link leads to; None for another site."""
        parts = urlsplit(url)
        if parts.scheme or parts.netloc:
            return None
        path = page.path
        if parts.path:
            path = (page.path.parent / unquote(parts.path)).resolve()
        path = path / "index.html" if path.is_dir() else path
        return path, unquote(parts.fragment)

    def _far(self) -> Iterator[str]:
        """Complain of what is too far from the first page, or is not said where it should be."""
        clicks = self._clicks()
        for sought, (place, answer) in SOUGHT.items():
            name, _, anchor = place.partition("#")
            path = self.folder / name
            if clicks.get(path, MOST_CLICKS + 1) > MOST_CLICKS:
                yield f"{sought!r}: {name} is more than {MOST_CLICKS} clicks from index.html"
            elif anchor not in self.pages[path].anchors or answer not in self.pages[path].text:
                yield f"{sought!r}: {place} does not say {answer!r}"

    def _clicks(self) -> dict[Path, int]:
        """How many clicks each page is from the first."""
        found, edge = {self.folder / "index.html": 0}, [self.folder / "index.html"]
        while edge:
            path = edge.pop(0)
            for url in self.pages[path].links:
                target = self._target(self.pages[path], url)
                if target and target[0] in self.pages and target[0] not in found:
                    found[target[0]] = found[path] + 1
                    edge.append(target[0])
        return found


def _places() -> list[str]:
    """Folders that only this machine has."""
    home = str(Path.home())
    return [f"{tempfile.gettempdir()}/", str(Path(__file__).parents[1]), f"{home}/"]


def main(folder: str) -> int:
    """Print what is wrong; the exit code is 1 if anything is."""
    site = Site(Path(folder))
    complaints = list(dict.fromkeys(site.complaints()))
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{len(site.pages)} pages read, {len(complaints)} complaints")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
