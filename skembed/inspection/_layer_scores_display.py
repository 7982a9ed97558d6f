"""What each layer is worth alone, and what the sets of layers are that were tried."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._optional import pyplot


def plot_layer_scores(clf: Any, *, ax: Any = None) -> Any:
    """Draw the score of each layer alone, and of the suffixes that begin with it.

    Parameters
    ----------
    clf : LayerKernelClassifierCV, LayerKernelRegressorCV, LayerSelector, or Pipeline
        Fitted; a pipeline that ends with one of these.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        A bar for each layer, in the network's order, with the C that was chosen; the layers that
        were chosen are filled. Where several layers together were tried, a line has the best
        score, over all C, of the sets that begin with each layer.

    Raises
    ------
    TypeError
        If `clf` has chosen no layers.
    NotFittedError
        If it is not fitted.
    MissingLibraryError
        If Matplotlib is not installed.

    See Also
    --------
    skembed.LayerKernelClassifierCV : Chooses layers.
    layer_contributions : What each layer carries in a linear classifier.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import LayerKernelClassifierCV, inspection
    >>> X, y = np.random.default_rng(0).random((20, 12)), np.arange(20) % 2
    >>> ax = inspection.plot_layer_scores(LayerKernelClassifierCV(layers=4).fit(X, y))
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['layer0', 'layer1', 'layer2']
    """
    model = clf[-1] if hasattr(clf, "steps") else clf
    check_is_fitted(model)
    model = getattr(model, "estimator_", model)
    if not hasattr(model, "layer_scores_"):
        raise TypeError(
            f"{type(model).__name__} has chosen no layers; expected a LayerKernelClassifierCV, a "
            "LayerKernelRegressorCV or a LayerSelector, or a pipeline that ends with one."
        )
    names = list(model.layer_scores_)
    chosen = [name in model.selected_layers_ for name in names]
    if ax is None:
        width = 4 + 0.16 * len(names)
        _, ax = pyplot().subplots(figsize=(width, 3.6), layout="constrained")
    scores = np.array(list(model.layer_scores_.values()))
    together = _best_from(model, names)
    low = min(scores.min(), np.nanmin(together, initial=np.inf))
    high = max(scores.max(), np.nanmax(together, initial=-np.inf))
    bottom = low - 0.05 * ((high - low) or 1)
    bars = ax.bar(
        range(len(names)), scores - bottom, bottom=bottom, edgecolor="C0", label="alone"
    )
    for bar, is_chosen in zip(bars, chosen, strict=True):
        bar.set_facecolor("C0" if is_chosen else "none")
    if np.isfinite(together).any():
        ax.plot(range(len(names)), together, "C1.-", label="from here on, together")
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    ax.set_xlim(-0.8, len(names) - 0.2)
    ax.set_ylabel("score")
    ax.set_title(f"{sum(chosen)} of {len(names)} layers chosen", fontsize=10)
    ax.legend(fontsize=8)
    return ax


def _best_from(model: Any, names: list[str]) -> np.ndarray:
    """The best score of several layers of which each is the first; NaN where none was tried."""
    best = np.full(len(names), np.nan)
    found = model.cv_results_
    for chosen, score in zip(found["param_layers"], found["mean_test_score"], strict=True):
        first = names.index(chosen[0])
        if len(chosen) > 1:
            best[first] = np.nanmax([best[first], score])
    return best
