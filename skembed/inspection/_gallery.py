"""A grid of thumbnails, as HTML and as a figure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from .._errors import ImageError
from .._optional import pyplot
from ..images import as_items, describe, load
from ..images._inputs import is_record
from ..images._thumbnails import SIDE, data_uri, encode, shrunk

# Colours are those of the page around it, light or dark: nothing has one of its own.
STYLE = """
.skembed-gallery { color: inherit; font: 13px/1.35 system-ui, sans-serif; max-width: 72rem;
  display: flex; flex-wrap: wrap; gap: 1.2em 2em; margin: .4em 0; }
.skembed-gallery .group { flex: 0 1 calc(var(--n) * (1.1 * var(--side) + .7em)); min-width: 0; }
.skembed-gallery .heading { font-weight: 600; margin: 0 0 .4em; overflow-wrap: anywhere; }
.skembed-gallery .grid { display: grid; gap: .7em;
  grid-template-columns: repeat(auto-fill, minmax(min(var(--side), 42%), 1fr)); }
.skembed-gallery figure { margin: 0; min-width: 0; max-width: calc(1.25 * var(--side)); }
.skembed-gallery .picture { display: block; width: 100%; aspect-ratio: 1; object-fit: contain;
  box-sizing: border-box; border-radius: 4px; margin: 0;
  background: color-mix(in srgb, currentColor 6%, transparent);
  border: 1px solid color-mix(in srgb, currentColor 16%, transparent); }
.skembed-gallery div.picture { display: grid; place-items: center; text-align: center;
  padding: .5em; border-style: dashed; }
.skembed-gallery figcaption { overflow-wrap: anywhere; padding: .25em 0 0; white-space: pre-line;
  text-align: left; font-variant-numeric: tabular-nums; }
""".strip()
_UNREADABLE = "cannot be read"
_EMPTY = "No images."


class Gallery:
    """Thumbnails with captions; a notebook shows it as HTML.

    Parameters
    ----------
    items : list of images
        As :func:`skembed.images.as_items` gives them.
    captions : list of str
        One for each.
    groups : list of str
        The heading that each stands under; empty for none.
    side : int
        Of a thumbnail, in pixels.
    color_space : {"rgb", "rgba", "bgr", "bgra"}
        The channels of arrays.

    Attributes
    ----------
    figure_ : matplotlib Figure
        What `plot` has drawn.
    axes_ : list of matplotlib Axes
        One for each image.

    See Also
    --------
    gallery : Make one.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import inspection
    >>> shown = inspection.gallery([data.coffee(), data.chelsea()]).plot(n_columns=2)
    >>> len(shown), len(shown.axes_)
    (2, 2)
    """

    def __init__(
        self,
        items: list[Any],
        captions: list[str],
        groups: list[str],
        side: int,
        color_space: str,
    ):
        self.items, self.captions, self.groups = items, captions, groups
        self.side, self.color_space = side, color_space
        self._pictures: list[np.ndarray | None] | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"<Gallery of {len(self)} images>"

    def _repr_html_(self) -> str | None:
        """The grid, until `plot` has drawn it: a notebook would show the images twice."""
        if hasattr(self, "figure_"):
            return None
        return f"<style>{STYLE}</style>{self.to_html()}"

    def to_html(self) -> str:
        """Return the grid as HTML that needs nothing beside it but its style.

        Returns
        -------
        str
            A ``div`` of the class ``skembed-gallery``. What a notebook shows has the style before
            it.
        """
        pictures = self._thumbnails()
        groups = [] if pictures else [f"<p>{_EMPTY}</p>"]
        for heading, rows in self._sections():
            title = (
                f'<div class="heading" role="heading" aria-level="4">{escape(heading)}</div>'
            )
            cells = "".join(_cell(pictures[row], self.captions[row]) for row in rows)
            groups.append(
                f'<div class="group" style="--n: {max(len(rows), 2)}">{title if heading else ""}'
                f'<div class="grid" role="list">{cells}</div></div>'
            )
        return f'<div class="skembed-gallery" style="--side: {self.side}px">{"".join(groups)}</div>'

    def plot(self, *, n_columns: int | None = None) -> Gallery:
        """Draw the grid as a figure, which a notebook then shows in place of HTML.

        Parameters
        ----------
        n_columns : int, optional
            Images in a row; by default at most six.

        Returns
        -------
        Gallery
            Itself, with `figure_` and `axes_`.

        Raises
        ------
        MissingLibraryError
            If Matplotlib is not installed.
        """
        plt = pyplot()
        self.axes_ = []
        if not self.items:
            self.figure_ = plt.figure(figsize=(1.6, 0.4))
            self.figure_.text(0, 0.5, _EMPTY, va="center", fontsize=9)
            return self
        sections, pictures = self._sections(), self._thumbnails()
        widest = max(len(rows) for _, rows in sections)
        n_columns = min(widest, 6) if n_columns is None else n_columns
        heights = [-(-len(rows) // n_columns) for _, rows in sections]
        self.figure_ = plt.figure(
            figsize=(1.6 * n_columns, 2.1 * sum(heights)), layout="constrained"
        )
        parts = self.figure_.subfigures(len(sections), 1, height_ratios=heights, squeeze=False)
        for part, (heading, rows), height in zip(parts[:, 0], sections, heights, strict=False):
            if heading:
                part.suptitle(
                    heading, x=0.01, ha="left", fontsize=9, weight="bold", parse_math=False
                )
            for ax in part.subplots(height, n_columns, squeeze=False).ravel():
                ax.set_axis_off()
            for ax, row in zip(part.axes, rows, strict=False):
                _draw(ax, pictures[row], self.captions[row])
                self.axes_.append(ax)
        return self

    def _sections(self) -> list[tuple[str, list[int]]]:
        """Each heading, in the order of first use, and the images under it."""
        found: dict[str, list[int]] = {}
        for row, heading in enumerate(self.groups):
            found.setdefault(heading, []).append(row)
        return list(found.items())

    def _thumbnails(self) -> list[np.ndarray | None]:
        if self._pictures is None:
            self._pictures = [self._picture(item) for item in self.items]
        return self._pictures

    def _picture(self, item: Any) -> np.ndarray | None:
        """The image at half as much again as it is shown, for dense screens; None if unreadable."""
        try:
            return shrunk(load(item, color_space=self.color_space), 3 * self.side // 2)
        except ImageError:
            return None


def gallery(
    images: Any,
    captions: Sequence[Any] | None = None,
    *,
    groups: Sequence[Any] | None = None,
    side: int = SIDE,
    color_space: str = "rgb",
) -> Gallery:
    """Show images as a grid of thumbnails.

    Parameters
    ----------
    images : sequence of images, of length n_images
        As the embedders take them. One that cannot be read becomes an empty frame that says so.
        There may be none, as where :func:`label_suspects` finds nothing; the grid then says so.
    captions : sequence of length n_images, optional
        What stands under each; by default its file's name.
    groups : sequence of length n_images, optional
        The heading that each image stands under, such as its class. Headings come in the order in
        which they first occur.
    side : int, default=128
        Of a thumbnail, in pixels.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The channels of images given as arrays.

    Returns
    -------
    Gallery
        A notebook shows it as HTML, in the colours of the page, with as many columns as there is
        room for; ``to_html()`` is that HTML, and ``plot()`` a figure of Matplotlib. The thumbnails
        are in it, so that nothing is loaded from elsewhere.

    Raises
    ------
    ValueError
        If there are more or fewer captions or groups than images.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import inspection
    >>> shown = inspection.gallery([data.coffee(), data.chelsea()], ["a cup", "a <cat>"])
    >>> shown
    <Gallery of 2 images>
    >>> "a &lt;cat&gt;" in shown.to_html()
    True
    """
    items = [] if _is_empty(images) else as_items(images)
    if not 16 <= side <= 1024:
        raise ValueError(f"side is {side!r}; a thumbnail has 16 to 1,024 pixels a side.")
    return Gallery(
        items,
        _texts(captions, "captions", [short_name(item) for item in items]),
        _texts(groups, "groups", [""] * len(items)),
        side,
        color_space,
    )


def _is_empty(images: Any) -> bool:
    """Whether there are no images, which `as_items` refuses."""
    if isinstance(images, list | tuple):
        return not images
    return tuple(getattr(images, "shape", ()))[:1] == (0,)


def _texts(given: Sequence[Any] | None, what: str, default: list[str]) -> list[str]:
    if given is None:
        return default
    texts = [str(text) for text in given]
    if len(texts) != len(default):
        raise ValueError(f"There are {len(default):,} images and {len(texts):,} {what}.")
    return texts


def short_name(item: Any) -> str:
    """Return the last part of an image's path or URL; nothing for an image without one."""
    is_named = isinstance(item, str | os.PathLike) or (is_record(item) and item.get("path"))
    return describe(item).rstrip("/").rpartition("/")[2] if is_named else ""


def _cell(picture: np.ndarray | None, caption: str) -> str:
    text = escape(caption)
    if picture is None:
        shown = f'<div class="picture">{_UNREADABLE}</div>'
    else:
        source = data_uri(encode(picture, max(picture.shape)))
        shown = f'<img class="picture" src="{source}" alt="{text}">'
    under = f"<figcaption>{text}</figcaption>" if caption else ""
    return f'<figure role="listitem">{shown}{under}</figure>'


def _draw(ax: Any, picture: np.ndarray | None, caption: str) -> None:
    ax.set_axis_on()
    if picture is None:
        ax.text(0.5, 0.5, _UNREADABLE, ha="center", va="center", transform=ax.transAxes)
    else:
        ax.imshow(picture)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel(_broken(caption), fontsize=8, parse_math=False)


def _broken(text: str, width: int = 22) -> str:
    """The text in lines of at most `width` characters, three of them at most."""
    lines = [
        line[at : at + width] for line in text.splitlines() for at in range(0, len(line), width)
    ]
    return "\n".join(lines[:3])
