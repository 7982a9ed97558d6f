"""A page with the pictures of near-duplicates, a row for each group: one file, nothing to load."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from .._errors import ImageError
from ..images import load
from ..images._thumbnails import data_uri, encode

_SIDE = 160  # pixels of a picture
_MOST_GROUPS = 200
_MOST_PICTURES = 12  # of a group
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Near-duplicates</title>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }
body { max-width: 75rem; margin: 1rem auto; padding: 0 1rem }
section { border-top: 1px solid #8886; padding: .6rem 0 }
h2 { font-size: 1rem; margin: .2rem 0 .6rem }
div { display: flex; flex-wrap: wrap; gap: .8rem }
figure { margin: 0; width: 160px }
img { max-width: 160px; max-height: 160px; display: block }
figcaption { font-size: .8rem; overflow-wrap: anywhere }
</style></head><body>
"""


def sheet(title: str, groups: Sequence[Sequence[tuple[str, str, Any]]]) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
        The heading.
    groups : sequence of sequences of (name, note, image)
        The images of each group, what is said of each, and what it is read from.
    """
    parts = [_HEAD, f"<h1>{html.escape(title)}</h1>\n"]
    for number, group in enumerate(groups[:_MOST_GROUPS], 1):
        parts.append(f"<section><h2>Group {number}: {len(group)} images</h2><div>\n")
        parts += [_figure(*image) for image in group[:_MOST_PICTURES]]
        if len(group) > _MOST_PICTURES:
            parts.append(f"<p>and {len(group) - _MOST_PICTURES:,} more</p>")
        parts.append("</div></section>\n")
    if len(groups) > _MOST_GROUPS:
        parts.append(f"<p>{len(groups) - _MOST_GROUPS:,} groups more are not shown.</p>\n")
    return "".join([*parts, "</body></html>\n"])


def _figure(name: str, note: str, item: Any) -> str:
    try:
        picture = f'<img alt="" src="{data_uri(encode(load(item), _SIDE))}">'
    except ImageError as error:
        picture = f"<p>{html.escape(str(error))}</p>"
    shown = html.escape(name.encode("utf-8", "backslashreplace").decode())
    return (
        f"<figure>{picture}<figcaption>{shown}<br>{html.escape(note)}</figcaption></figure>\n"
    )
