"""ThresholdTuner: the thresholds of a full-network embedding, and what they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..estimators.discretizer import check_thresholds
from ..estimators.full_network import FullNetworkEmbedder
from ..inspection._threshold_display import ThresholdsDisplay, histogram_edges
from ..inspection._thresholds import ThresholdRows
from . import _anywidget as t
from ._base import Widget, answers, script
from ._thumbnails import Thumbnails

_N_FOLDS = 5


class ThresholdTuner(Widget):
    """Choose the thresholds of a full-network embedding, and see what they do.

    Two sliders move the thresholds over the histogram of standardised activations, whose three
    zones become -1, 0 and 1. The share of each is told a layer, and when the sliders rest, a
    linear classifier is cross-validated on rows from the store: no image runs again.

    Parameters
    ----------
    fne : FullNetworkEmbedder
        One that is not fitted is, on a copy.
    X : sequence of images, of length n_samples
        Each goes through the network once, if it is not in the store.
    y : array-like of shape (n_samples,)
        The classes.
    lower, upper : float or None, default=None
        The first thresholds; by default those of `fne`.
    n_folds : int, default=5
        Of the cross-validation; fewer are made where a class has fewer images.

    Attributes
    ----------
    lower, upper : float
        The thresholds, in standard deviations. Set them, or move the sliders.
    accuracy : float or None
        With these thresholds, the mean over the folds; None while it is not known.
    deviation : float or None
        The standard deviation of the folds' accuracies.
    shares : pandas.DataFrame of shape (n_layers + 1, 3)
        As :func:`skembed.inspection.threshold_shares` gives them.
    tried : pandas.DataFrame
        Thresholds that were tried, with ``accuracy`` and ``deviation``, the first first.

    See Also
    --------
    skembed.inspection.threshold_shares : The shares.
    skembed.inspection.threshold_scores : The accuracies.
    skembed.inspection.ThresholdsDisplay : The picture.

    Notes
    -----
    In each fold, means and deviations are learnt from the images of the other folds. Thresholds
    that were chosen by these accuracies look better here than they are: confirm them on images
    that had no part in it.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import FullNetworkEmbedder
    >>> from skembed.widgets import ThresholdTuner
    >>> X = [
    ...     data.coffee()[:200],
    ...     data.coffee()[200:],
    ...     data.chelsea()[:150],
    ...     data.chelsea()[150:],
    ... ]
    >>> fne = FullNetworkEmbedder(layers="stage1", image_size=64)
    >>> view = ThresholdTuner(fne, X, ["cup", "cup", "cat", "cat"])
    >>> view.set_thresholds(-0.5, 0.5)
    >>> view.embedder().transform(X).shape
    (4, 16)
    """

    _esm = script("threshold_tuner.js")
    _verb = "thresholds"

    lower = t.Float(-0.25).tag(sync=True)
    upper = t.Float(0.15).tag(sync=True)
    accuracy = t.Any().tag(sync=True)
    deviation = t.Any().tag(sync=True)
    _edges = t.List().tag(sync=True)
    _counts = t.List().tag(sync=True)
    _shares = t.List().tag(sync=True)
    _tried = t.List().tag(sync=True)
    _n_answers = t.Int().tag(sync=True)  # a message would overtake the traits

    def __init__(
        self,
        fne: Any,
        X: Any,
        y: Any,
        *,
        lower: float | None = None,
        upper: float | None = None,
        n_folds: int = _N_FOLDS,
    ):
        self._rows, self._n_folds = ThresholdRows(fne, X, y), n_folds
        self._scores: dict[tuple[float, float], tuple[float, float]] = {}
        self._is_moving = False
        super().__init__(
            Thumbnails(None),
            {"fne": fne, "X": X, "y": y, "n_folds": n_folds},
            lower=float(fne.lower if lower is None else lower),
            upper=float(fne.upper if upper is None else upper),
        )
        self._update()

    @property
    def tried(self) -> pd.DataFrame:
        """The thresholds that were tried, and how well they did."""
        table = [(*pair, *score) for pair, score in self._scores.items()]
        return pd.DataFrame(table, columns=["lower", "upper", "accuracy", "deviation"])

    def set_thresholds(self, lower: float, upper: float) -> None:
        """Set both thresholds at once.

        Parameters
        ----------
        lower, upper : float
            In standard deviations.

        Raises
        ------
        ValueError
            If ``lower > upper``, or one is not finite.
        """
        if not np.isfinite([lower, upper]).all():
            raise ValueError(f"Thresholds are finite numbers; got {lower} and {upper}.")
        check_thresholds(lower, upper)
        with self.hold_trait_notifications():
            self.lower, self.upper = lower, upper

    def embedder(self) -> FullNetworkEmbedder:
        """Return the embedder with these thresholds; no image runs.

        Returns
        -------
        FullNetworkEmbedder
            A new one, with what `fne` has learnt.
        """
        return self._rows.embedder(self.lower, self.upper)

    def figure(self) -> Any:
        """Return the histogram with its zones, and the shares of the layers.

        Returns
        -------
        matplotlib.figure.Figure
            As :class:`skembed.inspection.ThresholdsDisplay` draws them.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5 + 0.14 * len(self.shares), 5), layout="constrained")
        axes = figure.subplots(2, 1)
        counts, edges = np.array(self._counts), np.array(self._edges)
        display = ThresholdsDisplay(counts, edges, self.shares, self.lower, self.upper)
        display.plot(axes)
        if self.accuracy is not None:
            title = f"{axes[0].get_title()}: accuracy {self.accuracy:.3f}, cross-validated"
            axes[0].set_title(title, fontsize=10)
        return figure

    def _given_words(self) -> Sequence[str]:
        return [self._expression("fne"), self._expression("X"), self._object_option("-y", "y")]

    def _options(self) -> dict[str, str]:
        folds = "" if self._n_folds == _N_FOLDS else f"--cv {self._n_folds}"
        return {"--cv": folds, "-d": f"-d {float(self.lower)!r},{float(self.upper)!r}"}

    @t.validate("lower")
    def _check_lower(self, proposal: Any) -> float:
        return _checked(proposal.value, proposal.value, self.upper)

    @t.validate("upper")
    def _check_upper(self, proposal: Any) -> float:
        return _checked(proposal.value, self.lower, proposal.value)

    @t.observe("lower", "upper")
    def _changed(self, _: Any) -> None:
        if self._counts:
            self._update()

    def _update(self) -> None:
        """Count; and cross-validate, unless a slider is still moving."""
        edges = histogram_edges(self.lower, self.upper)
        self.shares = self._rows.shares(self.lower, self.upper)
        with self.hold_sync():
            if edges.tolist() != self._edges:
                self._edges = edges.tolist()
                self._counts = self._rows.histogram(edges).tolist()
            self._shares = [[name, *row] for name, *row in self.shares.itertuples()]
            self._show_score()
        if not self._is_moving:
            self._judge()

    def _judge(self) -> None:
        pair = (self.lower, self.upper)
        if pair not in self._scores:
            self._scores[pair] = self._rows.accuracy(*pair, self._n_folds)
        self._show_score()

    def _show_score(self) -> None:
        score = self._scores.get((self.lower, self.upper), (None, None))
        with self.hold_sync():
            self.accuracy, self.deviation = score
            self._tried = self.tried.to_numpy().tolist()

    @answers("move")
    def _take_move(self, content: dict[str, Any], _: Any) -> None:
        self._is_moving = True
        try:
            with self.hold_sync():
                self.set_thresholds(float(content["lower"]), float(content["upper"]))
        finally:
            self._is_moving = False
            self._n_answers += 1

    @answers("judge")
    def _take_judge(self, _: Any, __: Any) -> None:
        try:
            self._judge()
        finally:
            self._n_answers += 1

    def __repr__(self) -> str:
        known = "" if self.accuracy is None else f", accuracy {self.accuracy:.3f}"
        return f"ThresholdTuner(lower={self.lower:g}, upper={self.upper:g}{known})"


def _checked(value: float, lower: float, upper: float) -> float:
    if not np.isfinite(value):
        raise ValueError(f"A threshold is a finite number; got {value}.")
    if lower > upper:
        raise ValueError(
            f"lower={lower:g} is above upper={upper:g}; set_thresholds(lower, upper) sets both."
        )
    return value
