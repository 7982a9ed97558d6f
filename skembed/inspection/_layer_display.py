"""What layers carry in a classifier, and what classes look like in layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._errors import did_you_mean
from .._optional import pyplot
from ._explain import layer_contributions
from ._patterns import class_patterns


class LayerContributionsDisplay:
    """What each layer carries in a linear classifier: a bar a layer, coloured by stage.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    shares : pandas.DataFrame of shape (n_layers, n_classes + 1)
        As :func:`layer_contributions` gives them.
    stages : pandas.Series of shape (n_layers,)
        The same.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn in.
    figure_ : matplotlib Figure
        What it is part of.
    bars_ : matplotlib BarContainer
        The bars, in the network's order.

    See Also
    --------
    layer_contributions : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skembed import inspection
    >>> layers = pd.Index(["conv1", "conv2"])
    >>> shares = pd.DataFrame({"overall": [0.25, 0.75]}, index=layers)
    >>> stages = pd.Series(["stage1", "stage2"], index=layers)
    >>> display = inspection.LayerContributionsDisplay(shares, stages).plot()
    >>> [float(bar.get_height()) for bar in display.bars_]
    [0.25, 0.75]
    """

    def __init__(self, shares: pd.DataFrame, stages: pd.Series):
        self.shares, self.stages = shares, stages

    @classmethod
    def from_estimator(
        cls, clf: Any, *, target: Any = "overall", ax: Any = None
    ) -> LayerContributionsDisplay:
        """Take a classifier apart, and draw the shares of its layers.

        Parameters
        ----------
        clf : Pipeline, or search over one
            As for :func:`layer_contributions`.
        target : class, default="overall"
            Whose coefficients; by default those of all classes together.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        LayerContributionsDisplay
            The display, drawn.

        Examples
        --------
        >>> from skimage import data
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.svm import LinearSVC
        >>> from skembed import FullNetworkEmbedder, inspection
        >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
        >>> clf = make_pipeline(FullNetworkEmbedder(image_size=64), LinearSVC())
        >>> display = inspection.LayerContributionsDisplay.from_estimator(
        ...     clf.fit(X, ["cup", "cat", "person"]), target="cat"
        ... )
        >>> len(display.bars_) == len(display.stages)
        True
        """
        found = layer_contributions(clf)
        return cls(found.shares, found.stages).plot(ax, target=target)

    def plot(self, ax: Any = None, *, target: Any = "overall") -> LayerContributionsDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.
        target : class, default="overall"
            Which column of `shares`.

        Returns
        -------
        LayerContributionsDisplay
            Itself.

        Raises
        ------
        ValueError
            If there is no such class.
        MissingLibraryError
            If Matplotlib is not installed.
        """
        names = self.shares.columns.tolist()
        if target not in names:
            hint = did_you_mean(target, map(str, names))
            raise ValueError(f"There is no class {target!r}. {hint}")
        n = len(self.shares)
        if ax is None:
            _, ax = pyplot().subplots(figsize=(4 + 0.16 * n, 3.6), layout="constrained")
        stages = list(dict.fromkeys(self.stages))
        colours = [f"C{stages.index(stage)}" for stage in self.stages]
        labels = [
            (stage or "after the stages") if i == list(self.stages).index(stage) else "_"
            for i, stage in enumerate(self.stages)
        ]
        self.bars_ = ax.bar(range(n), self.shares[target], color=colours, label=labels)
        ax.set_xticks(range(n), self.shares.index, rotation=90, fontsize=7)
        ax.set_xlim(-0.8, n - 0.2)
        ax.set_ylabel("share of the sum of |coefficients|")
        ax.set_title(str(target), fontsize=10, parse_math=False)
        if n > 1:
            ax.legend(fontsize=8)
        self.ax_, self.figure_ = ax, ax.figure
        return self


class ClassPatternsDisplay:
    """How present and how absent the features of each layer are in each class: two heat maps.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    presence, absence : pandas.DataFrame of shape (n_classes, n_layers)
        As :func:`class_patterns` gives them.

    Attributes
    ----------
    axes_ : array of matplotlib Axes of shape (2,)
        Presence and absence.
    figure_ : matplotlib Figure
        What they are part of.

    See Also
    --------
    class_patterns : The numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from skembed import inspection
    >>> classes, layers = ["cat", "dog"], ["conv1", "conv2", "conv3"]
    >>> presence = pd.DataFrame([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]], classes, layers)
    >>> display = inspection.ClassPatternsDisplay(presence, 0.5 - presence).plot()
    >>> display.axes_.shape
    (2,)
    """

    def __init__(self, presence: pd.DataFrame, absence: pd.DataFrame):
        self.presence, self.absence = presence, absence

    @classmethod
    def from_estimator(
        cls, fne: Any, X: Any, y: Any, *, ax: Any = None
    ) -> ClassPatternsDisplay:
        """Count the patterns of images, and draw them.

        Parameters
        ----------
        fne : FullNetworkEmbedder
            Fitted.
        X : sequence of images, of length n_samples
            The images.
        y : array-like of shape (n_samples,)
            The classes.
        ax : array-like of two matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        ClassPatternsDisplay
            The display, drawn.

        Examples
        --------
        >>> from skimage import data
        >>> from skembed import FullNetworkEmbedder, inspection
        >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
        >>> display = inspection.ClassPatternsDisplay.from_estimator(
        ...     FullNetworkEmbedder(image_size=64).fit(X), X, ["cup", "cat", "person"]
        ... )
        >>> [ax.get_title() for ax in display.axes_]
        ['present (+1)', 'absent (-1)']
        """
        found = class_patterns(fne, X, y)
        return cls(found.presence, found.absence).plot(ax)

    def plot(self, ax: Any = None) -> ClassPatternsDisplay:
        """Draw the heat maps.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        ClassPatternsDisplay
            Itself.

        Raises
        ------
        ValueError
            If `ax` is not two axes.
        MissingLibraryError
            If Matplotlib is not installed.
        """
        n_classes, n_layers = self.presence.shape
        if ax is None:
            _, ax = pyplot().subplots(
                2,
                1,
                figsize=(2.5 + 0.17 * n_layers, 1.9 + 0.4 * n_classes),
                layout="constrained",
                sharex=True,
            )
        axes = np.asarray(ax, dtype=object).ravel()
        if len(axes) != 2:
            raise ValueError(f"ax holds {len(axes)} axes; there are two heat maps.")
        highest = max(self.presence.to_numpy().max(), self.absence.to_numpy().max())
        parts = (
            (axes[0], self.presence, "Reds", "present (+1)"),
            (axes[1], self.absence, "Blues", "absent (-1)"),
        )
        for one, table, cmap, title in parts:
            drawn = one.imshow(table, cmap=cmap, vmin=0, vmax=highest, aspect="auto")
            one.set_yticks(range(n_classes), [str(name) for name in table.index], fontsize=8)
            one.set_xticks(range(n_layers), table.columns, rotation=90, fontsize=7)
            one.set_title(title, fontsize=10)
            one.figure.colorbar(drawn, ax=one, label="share of features")
        if axes[0].get_shared_x_axes().joined(axes[0], axes[1]):
            axes[0].tick_params(labelbottom=False)
        self.axes_, self.figure_ = axes, axes[0].figure
        return self
