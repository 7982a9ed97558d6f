"""An activation map over an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from .._optional import pyplot
from ..estimators._layer_embedder import LayerEmbedder
from ._maps import activation_map

_ONE_SIDED, _TWO_SIDED = "inferno", "RdBu_r"


class ActivationMapDisplay:
    """Where in an image a feature is active, or what speaks for a class: a map over the image.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    image : array of shape (height, width, 3)
        The image.
    map : float array of shape (height, width)
        A value for each pixel; NaN where the network does not see it, which is shown pale.
    name : str, default=""
        The title.
    signed : bool or None, default=None
        Whether values below zero have a meaning of their own, as for a class; by default, whether
        there are any.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn in.
    figure_ : matplotlib Figure
        What it is part of.
    im_ : matplotlib AxesImage
        The map.

    See Also
    --------
    activation_map : The numbers.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder, inspection
    >>> embedder = PretrainedEmbedder(layers="stage1", image_size=64, engine="jax")
    >>> display = inspection.ActivationMapDisplay.from_estimator(
    ...     embedder, data.coffee(), ("stage1", 3)
    ... )
    >>> display.map.shape, display.ax_.get_title()
    ((400, 600), 'stage1__003')
    """

    def __init__(
        self,
        image: np.ndarray,
        map: np.ndarray,  # noqa: A002
        name: str = "",
        signed: bool | None = None,
    ):
        self.image, self.map, self.name, self.signed = image, map, name, signed

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        image: Any,
        feature: Any,
        *,
        layers: str | Sequence[str] | None = None,
        ax: Any = None,
        cmap: Any = None,
        alpha: float = 0.8,
        colorbar: bool = True,
    ) -> ActivationMapDisplay:
        """Compute a map, and draw it.

        Parameters
        ----------
        estimator : PretrainedEmbedder, FullNetworkEmbedder or Pipeline
            As for :func:`activation_map`.
        image : path, URL, bytes, PIL image or array
            One image.
        feature : int, str, (str, int), or a class
            As for :func:`activation_map`.
        layers : str or list of str, optional
            As for :func:`activation_map`.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.
        cmap : str or Colormap, optional
            As for :meth:`plot`.
        alpha : float, default=0.8
            As for :meth:`plot`.
        colorbar : bool, default=True
            As for :meth:`plot`.

        Returns
        -------
        ActivationMapDisplay
            The display, drawn.

        Examples
        --------
        >>> from skimage import data
        >>> from skembed import PretrainedEmbedder, inspection
        >>> embedder = PretrainedEmbedder(image_size=64)
        >>> display = inspection.ActivationMapDisplay.from_estimator(
        ...     embedder, data.chelsea(), ("block3b_dwconv", 5)
        ... )
        >>> display.ax_.get_title()
        'block3b_dwconv__005'
        """
        display = computed_display(estimator, image, feature, layers)
        return display.plot(ax, cmap=cmap, alpha=alpha, colorbar=colorbar)

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and highest value of the scale: around zero where values are signed."""
        if not np.isfinite(self.map).any():
            return 0.0, 1.0
        low, high = min(float(np.nanmin(self.map)), 0.0), max(float(np.nanmax(self.map)), 0.0)
        if self.signed or (self.signed is None and low < 0 < high):
            return -max(-low, high), max(-low, high)
        return (low, high) if low < high else (0.0, 1.0)

    def plot(
        self,
        ax: Any = None,
        *,
        cmap: Any = None,
        alpha: float = 0.8,
        colorbar: bool = True,
        limits: tuple[float, float] | None = None,
    ) -> ActivationMapDisplay:
        """Draw the map over the image.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.
        cmap : str or Colormap, optional
            By default ``"inferno"``, or ``"RdBu_r"`` around zero where values are signed.
        alpha : float, default=0.8
            How much the strongest places cover the image; weak ones cover less.
        colorbar : bool, default=True
            Whether to draw the scale.
        limits : (float, float), optional
            The lowest and highest value of the scale, so that maps can be compared; by default
            those of this map.

        Returns
        -------
        ActivationMapDisplay
            Itself.

        Raises
        ------
        MissingLibraryError
            If Matplotlib is not installed.
        """
        plt = pyplot()
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        low, high = self.limits if limits is None else limits
        two_sided = low < 0 < high
        ax.imshow(_shown(self.image))
        unseen = np.isnan(self.map)
        if unseen.any():
            ax.imshow(np.ones((*unseen.shape, 3)), alpha=0.6 * unseen)
        self.im_ = ax.imshow(
            np.nan_to_num(self.map),
            cmap=cmap or (_TWO_SIDED if two_sided else _ONE_SIDED),
            vmin=low,
            vmax=high,
            alpha=alpha * _strength(self.map, (low, high)),
        )
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_title(self.name, fontsize=10, parse_math=False)
        if colorbar:
            from matplotlib.cm import ScalarMappable

            # That of the image itself would be as transparent.
            scale = ScalarMappable(self.im_.norm, self.im_.cmap)
            ax.figure.colorbar(scale, ax=ax, fraction=0.046, pad=0.02)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def pixels(
        self,
        side: int = 256,
        *,
        alpha: float = 0.8,
        limits: tuple[float, float] | None = None,
    ) -> np.ndarray:
        """Return what :meth:`plot` draws as pixels, for a page.

        Parameters
        ----------
        side : int, default=256
            Pixels of the longer side; an image that is smaller stays as it is.
        alpha : float, default=0.8
            As for :meth:`plot`.
        limits : (float, float), optional
            As for :meth:`plot`.

        Returns
        -------
        uint8 array of shape (height, width, 3)
            The map over the image.

        Raises
        ------
        MissingLibraryError
            If Matplotlib is not installed.
        """
        pyplot()
        from matplotlib import colormaps

        low, high = self.limits if limits is None else limits
        # Every pixel of a photograph would take seconds.
        step = max(1, max(self.map.shape) // (2 * side))
        values, image = self.map[::step, ::step], self.image[::step, ::step]
        opacity = (alpha * _strength(values, (low, high)))[..., None]
        scaled = (np.nan_to_num(values) - low) / (high - low)
        colours = colormaps[_TWO_SIDED if low < 0 < high else _ONE_SIDED](scaled)[..., :3] * 255
        grey = _shown(image).astype(float)
        grey[np.isnan(values)] = 102 + 0.4 * grey[np.isnan(values)]
        mixed = Image.fromarray((grey * (1 - opacity) + colours * opacity).astype(np.uint8))
        mixed.thumbnail((side, side), Image.Resampling.BICUBIC)
        return np.array(mixed)


def plot_activation_map(
    estimator: Any,
    image: Any,
    feature: Any,
    *,
    layers: str | Sequence[str] | None = None,
    ax: Any = None,
) -> ActivationMapDisplay:
    """Draw where in an image a feature is active, or what speaks for a class.

    The same as :meth:`ActivationMapDisplay.from_estimator`, which has further options.

    Parameters
    ----------
    estimator : PretrainedEmbedder, FullNetworkEmbedder or Pipeline
        As for :func:`activation_map`.
    image : path, URL, bytes, PIL image or array
        One image.
    feature : int, str, (str, int), or a class
        As for :func:`activation_map`.
    layers : str or list of str, optional
        As for :func:`activation_map`.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ActivationMapDisplay
        The display, drawn.

    Raises
    ------
    MissingLibraryError
        If Matplotlib is not installed.
    TypeError, ValueError
        As :func:`activation_map`.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder, inspection
    >>> embedder = PretrainedEmbedder(image_size=64)
    >>> inspection.plot_activation_map(embedder, data.chelsea(), 7).ax_.get_title()
    'embedding__0007'
    """
    return ActivationMapDisplay.from_estimator(estimator, image, feature, layers=layers, ax=ax)


def computed_display(
    estimator: Any, item: Any, feature: Any, layers: str | Sequence[str] | None = None
) -> ActivationMapDisplay:
    """The display of :func:`activation_map`, not drawn."""
    found = activation_map(estimator, item, feature, layers=layers)
    signed = None if isinstance(estimator, LayerEmbedder) else True
    return ActivationMapDisplay(found.image, found.map, found.name, signed)


def _strength(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """How much of the image each value covers, in [0, 1]; pixels that are not seen, nothing."""
    most = max(map(abs, limits)) or 1
    return np.clip(np.nan_to_num(np.abs(values) / most), 0, 1) ** 0.7


def _shown(image: np.ndarray) -> np.ndarray:
    """The image in grey, so that the colours are those of the map; arrays are stretched."""
    grey = image.astype(float).mean(axis=2)
    if image.dtype != np.uint8:
        grey = np.ptp(grey) and (grey - grey.min()) / np.ptp(grey) * 255
    return np.repeat(np.broadcast_to(grey, image.shape[:2])[..., None], 3, axis=2).astype(
        np.uint8
    )
