"""The images at both ends of a feature, each with its activation map."""

from __future__ import annotations

from typing import Any

from .._optional import pyplot
from ..images import as_items
from ._examples import top_images
from ._map_display import ActivationMapDisplay, computed_display


class TopImagesDisplay:
    """The images that raise a feature most, and those that lower it most, with their maps.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    highest, lowest : list of (ActivationMapDisplay, float)
        The images with their maps, and the values.
    name : str
        The feature's name, or the class.

    Attributes
    ----------
    axes_ : array of matplotlib Axes of shape (2, n)
        The highest in the first row.
    figure_ : matplotlib Figure
        What they are part of.

    See Also
    --------
    top_images : The numbers.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder, inspection
    >>> embedder = PretrainedEmbedder(layers="stage1", image_size=64, engine="jax")
    >>> images = [data.coffee(), data.chelsea(), data.rocket()]
    >>> display = inspection.TopImagesDisplay.from_estimator(embedder, images, 3)
    >>> len(display.highest), display.name
    (3, 'stage1__003')
    """

    def __init__(
        self,
        highest: list[tuple[ActivationMapDisplay, float]],
        lowest: list[tuple[ActivationMapDisplay, float]],
        name: str,
    ):
        self.highest, self.lowest, self.name = highest, lowest, name

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, feature: Any, *, n: int = 5
    ) -> TopImagesDisplay:
        """Find the images, compute their maps, and draw them.

        Parameters
        ----------
        estimator : PretrainedEmbedder, FullNetworkEmbedder or Pipeline
            As for :func:`top_images`.
        X : sequence of images, of length n_samples
            The images to choose from.
        feature : int, str, (str, int), or a class
            As for :func:`activation_map`.
        n : int, default=5
            How many of each end.

        Returns
        -------
        TopImagesDisplay
            The display, drawn.

        Examples
        --------
        >>> from skimage import data
        >>> from skembed import PretrainedEmbedder, inspection
        >>> display = inspection.TopImagesDisplay.from_estimator(
        ...     PretrainedEmbedder(image_size=64), [data.coffee(), data.chelsea()], 7, n=1
        ... )
        >>> display.axes_.shape
        (2, 1)
        """
        found = top_images(estimator, X, feature, n=n)
        items = as_items(X)
        ends = [
            [
                (computed_display(estimator, items[row], feature), value)
                for row, value in end.items()
            ]
            for end in (found.highest["value"], found.lowest["value"])
        ]
        return cls(ends[0], ends[1], found.name).plot()

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and highest value of one scale for all maps."""
        every = [display.limits for display, _ in (*self.highest, *self.lowest)]
        return min(low for low, _ in every), max(high for _, high in every)

    def plot(self, figure: Any = None) -> TopImagesDisplay:
        """Draw two rows of images, each with its map and its value.

        Parameters
        ----------
        figure : matplotlib Figure, optional
            Where to draw; by default a new one.

        Returns
        -------
        TopImagesDisplay
            Itself.

        Raises
        ------
        MissingLibraryError
            If Matplotlib is not installed.
        """
        n = max(len(self.highest), len(self.lowest))
        if figure is None:
            figure = pyplot().figure(figsize=(1.9 * n, 4.4), layout="constrained")
        self.figure_, self.axes_ = figure, figure.subplots(2, n, squeeze=False)
        self.figure_.suptitle(self.name, fontsize=11, parse_math=False)
        for axes, end, label in zip(
            self.axes_, (self.highest, self.lowest), ("highest", "lowest"), strict=True
        ):
            for ax, (display, value) in zip(axes, end, strict=False):
                display.plot(ax, colorbar=False, limits=self.limits)
                ax.set_title(f"{value:.3g}", fontsize=9)
            axes[0].set_ylabel(label)
            for ax in axes[len(end) :]:
                ax.set_axis_off()
        return self
