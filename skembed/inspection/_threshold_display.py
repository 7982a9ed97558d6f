"""The picture of thresholds: the three zones of standardised values, and shares a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._optional import pyplot
from ._thresholds import OVERALL, ThresholdRows, thresholds_of

COLOURS = {"absent": "#4477aa", "neutral": "#bbbbbb", "present": "#ee6677"}


def histogram_edges(lower: float, upper: float) -> np.ndarray:
    """The edges of the histogram's bins: 0.05 deviations wide, at least from -3 to 3."""
    least, most = min(-3.0, np.floor(lower)), max(3.0, np.ceil(upper))
    return np.linspace(least, most, round((most - least) * 20) + 1)


class ThresholdsDisplay:
    """Standardised values with the zones of -1, 0 and 1, and the share of each in each layer.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    counts : int array of shape (n_bins,)
        The histogram of the standardised values.
    edges : float array of shape (n_bins + 1,)
        Of its bins. What lies beyond them is counted in the first and the last.
    shares : pandas.DataFrame of shape (n_layers + 1, 3)
        As :func:`threshold_shares` gives them.
    lower, upper : float
        The thresholds.

    Attributes
    ----------
    axes_ : array of matplotlib Axes of shape (2,)
        The histogram and the shares.
    figure_ : matplotlib Figure
        What they are part of.

    See Also
    --------
    threshold_shares : The numbers.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import FullNetworkEmbedder, inspection
    >>> images = [data.coffee(), data.chelsea(), data.rocket()]
    >>> fne = FullNetworkEmbedder(layers=["stage1", "stage2"], image_size=64).fit(images)
    >>> display = inspection.ThresholdsDisplay.from_estimator(fne, images)
    >>> display.shares.index.tolist(), display.counts.sum()
    (['overall', 'stage1', 'stage2'], np.int64(120))
    """

    def __init__(
        self,
        counts: np.ndarray,
        edges: np.ndarray,
        shares: pd.DataFrame,
        lower: float,
        upper: float,
    ):
        self.counts, self.edges, self.shares = counts, edges, shares
        self.lower, self.upper = lower, upper

    @classmethod
    def from_estimator(
        cls,
        fne: Any,
        X: Any,
        *,
        lower: float | None = None,
        upper: float | None = None,
        ax: Any = None,
    ) -> ThresholdsDisplay:
        """Count the values of images, and draw them.

        Parameters
        ----------
        fne : FullNetworkEmbedder
            As for :func:`threshold_shares`.
        X : sequence of images, of length n_samples
            The images.
        lower, upper : float or None, default=None
            The thresholds; by default those of `fne`.
        ax : array-like of two matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        ThresholdsDisplay
            The display, drawn.

        Examples
        --------
        >>> from skimage import data
        >>> from skembed import FullNetworkEmbedder, inspection
        >>> fne = FullNetworkEmbedder(layers=["stage1", "stage2"], image_size=64)
        >>> display = inspection.ThresholdsDisplay.from_estimator(
        ...     fne, [data.coffee(), data.chelsea()], lower=-1
        ... )
        >>> [ax.get_ylabel() for ax in display.axes_]
        ['values', 'share of values']
        """
        known = ThresholdRows(fne, X)
        low, high = thresholds_of(fne, lower, upper)
        edges = histogram_edges(low, high)
        return cls(known.histogram(edges), edges, known.shares(low, high), low, high).plot(ax)

    def plot(self, ax: Any = None) -> ThresholdsDisplay:
        """Draw the histogram and the shares.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        ThresholdsDisplay
            Itself.

        Raises
        ------
        ValueError
            If `ax` is not two axes.
        MissingLibraryError
            If Matplotlib is not installed.
        """
        if ax is None:
            width = 5 + 0.14 * len(self.shares)
            _, ax = pyplot().subplots(2, 1, figsize=(width, 5), layout="constrained")
        axes = np.asarray(ax, dtype=object).ravel()
        if len(axes) != 2:
            raise ValueError(f"ax holds {len(axes)} axes; there are two plots.")
        self._draw_histogram(axes[0])
        self._draw_shares(axes[1])
        self.axes_, self.figure_ = axes, axes[0].figure
        return self

    def _draw_histogram(self, ax: Any) -> None:
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        zones = np.where(
            middles < self.lower, "absent", np.where(middles > self.upper, "present", "neutral")
        )
        ax.bar(
            middles, self.counts, np.diff(self.edges), color=[COLOURS[zone] for zone in zones]
        )
        for threshold in (self.lower, self.upper):
            ax.axvline(threshold, color="black", linewidth=1)
        ax.set(xlabel="standardised value", ylabel="values")
        ax.set_xlim(self.edges[0], self.edges[-1])
        ax.set_title(f"lower {self.lower:g}, upper {self.upper:g}", fontsize=10)

    def _draw_shares(self, ax: Any) -> None:
        layers = self.shares.drop(index=OVERALL)
        overall = self.shares.loc[OVERALL]
        base = np.zeros(len(layers))
        for (name, colour), code in zip(COLOURS.items(), (-1, 0, 1), strict=True):
            label = (
                f"{name} ({code:+d}) {overall[name]:.0%}" if code else f"0 {overall[name]:.0%}"
            )
            ax.bar(range(len(layers)), layers[name], bottom=base, color=colour, label=label)
            base += layers[name].to_numpy()
        ax.set_xticks(range(len(layers)), layers.index, rotation=90, fontsize=7)
        ax.set(ylabel="share of values", ylim=(0, 1))
        ax.set_xlim(-0.8, len(layers) - 0.2)
        ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
