"""Lead from each name of the reference to the pages and the examples that use it.

A page uses a name where one of its blocks of code, or its text within backquotes, has it as a word.
The group of the name in ``api.md`` names the pages for those that no page uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[1]
MOST = 4
# Pages that are no part of the guide, and lists of everything.
_NOT = {
    "api",
    "architecture",
    "results",
    "changelog",
    "contributing",
    "index",
    "guide",
    "development",
}
_GROUP = re.compile(r"^## .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_GUIDE = re.compile(r"^In the guide: (.*?)$", re.MULTILINE)
_LINK = re.compile(r"\]\((\w+)\.md\)")
_NAME = re.compile(r"^   (\w+(?:\.\w+)*)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def groups() -> Iterator[tuple[list[str], list[str]]]:
    """Give the names of each group of the reference, and the pages that it leads to."""
    for group in _GROUP.findall((DOCS / "api.md").read_text(encoding="utf-8")):
        pages = [page for line in _GUIDE.findall(group) for page in _LINK.findall(line)]
        yield _NAME.findall(group), pages


def pages_of() -> dict[str, list[str]]:
    """Return, for each name, the documents that use it, those that do most first."""
    texts = {
        f"/{page.stem}": "\n".join(_CODE.findall(page.read_text(encoding="utf-8")))
        for page in sorted(DOCS.glob("*.md"))
        if page.stem not in _NOT
    }
    scripts = {
        f"/gallery/{script.parent.name}/{script.stem}": script.read_text(encoding="utf-8")
        for script in sorted((DOCS.parent / "examples").glob("*/plot_*.py"))
    }
    found = {}
    for names, leads_to in groups():
        for name in names:
            own = [f"/{page}" for page in leads_to]
            guide = _users(name, texts, tuple(own)) or own[:1]
            found[f"skembed.{name}"] = [*guide[:MOST], *_users(name, scripts)[:MOST]]
    return found


def _users(name: str, texts: dict[str, str], first: tuple[str, ...] = ()) -> list[str]:
    """The places that use a name: the `first` ones, then those that do most."""
    counts = {place: len(_use_of(name).findall(text)) for place, text in texts.items()}
    used = [place for place in counts if counts[place]]
    return sorted(used, key=lambda place: (place not in first, -counts[place]))


def _use_of(name: str) -> re.Pattern[str]:
    """A class is known by its name alone; ``load`` and ``table`` are names of many things."""
    module, _, last = name.rpartition(".")
    if last[0].isupper():
        return re.compile(rf"\b{last}\b")
    owner = module or "skembed"
    return re.compile(rf"\b{re.escape(owner)}\.{last}\b|(?<![\w.]){last}\(")


def _tell(app, config):
    config.autosummary_context = {"used_in": pages_of()}


def setup(app):
    """Tell the templates of the reference."""
    app.connect("config-inited", _tell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
