"""The picture of rows as points of a plane."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._projection import encode_labels

_DOTS = 20_000  # as many are drawn one by one; more are counted in each pixel


def plot_projection(
    points: Any,
    labels: Any = None,
    *,
    selected: Any = (),
    ax: Any = None,
) -> Any:
    """Draw points of the plane, coloured by their labels.

    Parameters
    ----------
    points : array-like of shape (n_samples, 2)
        As :func:`project` returns them.
    labels : array-like of shape (n_samples,) or None, default=None
        A class for each; None where it has none.
    selected : array-like of int
        Positions of points to be put forward; the others are pale.
    ax : matplotlib.axes.Axes or None, default=None
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With a legend where there are at most twelve classes.

    Raises
    ------
    ValueError
        If the points are not of the plane, or not as many as the labels.

    Examples
    --------
    >>> from skembed.inspection import plot_projection
    >>> ax = plot_projection([[0, 0], [1, 1]], ["cat", "dog"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['cat', 'dog']
    """
    from matplotlib.figure import Figure

    points = np.asarray(points)
    if ax is None:
        ax = Figure(figsize=(6, 4.5), layout="constrained").subplots()
    ax.set_aspect("equal", "datalim")
    ax.set_axis_off()
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points has the shape {points.shape}; expected (n_samples, 2).")
    if labels is not None and len(labels) != len(points):
        raise ValueError(f"There are {len(points):,} points and {len(labels):,} labels.")
    codes, classes = encode_labels(labels, len(points))
    strong = np.zeros(len(points), bool)
    strong[np.asarray(selected, int)] = True
    if not strong.any():
        strong[:] = True
    size = 14 if len(points) <= 2000 else 5
    if len(points) > _DOTS:
        _draw_density(ax, points[strong], codes[strong])
    else:
        for alpha, group in ((0.12, ~strong), (0.8, strong)):
            colours = np.asarray(_colours(len(classes)), dtype=object)[codes[group]]
            ax.scatter(*points[group].T, s=size, c=list(colours), alpha=alpha, linewidths=0)
    if 0 < len(classes) <= 12:
        _add_legend(ax, classes)
    return ax


def _colours(n_classes: int) -> list[Any]:
    from matplotlib import colormaps

    table = colormaps["tab10" if n_classes <= 10 else "tab20"].colors  # type: ignore[attr-defined]
    return [(0.55, 0.55, 0.55), *(table[i % len(table)] for i in range(n_classes))]


def _draw_density(ax: Any, points: np.ndarray, codes: np.ndarray) -> None:
    """The mean colour of the points in each pixel, the denser the more opaque."""
    edges = list(np.linspace(points.min(axis=0), points.max(axis=0), 361).T)
    colours = np.asarray(_colours(int(codes.max())))[codes]
    sums = [np.histogram2d(*points.T, bins=edges, weights=weights)[0] for weights in colours.T]
    n = np.histogram2d(*points.T, bins=edges)[0]
    image = np.zeros((*n.shape, 4))
    image[..., :3] = np.stack(sums, axis=-1) / np.maximum(n, 1)[..., None]
    usual = 4 * n[n > 0].mean()
    image[..., 3] = np.where(n > 0, 0.3 + 0.7 * np.log1p(n) / np.log1p(usual), 0).clip(0, 1)
    extent = (edges[0][0], edges[0][-1], edges[1][0], edges[1][-1])
    ax.imshow(image.transpose(1, 0, 2), origin="lower", extent=extent, aspect="auto")
    ax.set_aspect("equal", "datalim")


def _add_legend(ax: Any, classes: list[str]) -> None:
    from matplotlib.lines import Line2D

    colours = _colours(len(classes))[1:]
    ax.legend(
        [Line2D([], [], marker="o", linestyle="", color=colour) for colour in colours],
        classes,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize="small",
    )
