"""TernaryPatterns: what is present in, and absent from, the images of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from .._choices import TERNARY_SIGNS
from .._errors import did_you_mean
from ..inspection._layer_display import ClassPatternsDisplay
from ..inspection._patterns import class_patterns
from . import _anywidget as t
from ._base import Widget, script
from ._line import option
from ._thumbnails import Thumbnails


class TernaryPatterns(Widget):
    """Heat maps of classes and layers: how many features are present, and how many absent.

    A click on a cell, or Enter, shows the features of that layer that are most present in, and
    most absent from, the images of that class, compared with the other images.

    Parameters
    ----------
    fne : FullNetworkEmbedder
        Fitted, with ``discretize=True``.
    X : sequence of images, of length n_samples
        Those that are in the store do not run again.
    y : array-like of shape (n_samples,)
        The classes.
    cell : sequence of str, optional
        The class, or the class and the layer, whose features are shown first; by default all
        layers of the first class.
    sign : {"present", "absent"}, default="present"
        Which heat map is shown first.
    n_features : int, default=10
        How many features of each end are shown.

    Attributes
    ----------
    cell : list of str
        The class and the layer whose features are shown; an empty layer stands for all. Set it,
        or click on it.
    sign : {"present", "absent"}
        Which heat map is shown.
    features : pandas.DataFrame
        The features that are shown, indexed by name, the most present first: ``layer``,
        ``presence``, ``absence`` and ``difference``.
    patterns : Bunch
        What :func:`skembed.inspection.class_patterns` found.

    See Also
    --------
    skembed.inspection.class_patterns : The numbers.
    skembed.inspection.ClassPatternsDisplay : The picture.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import FullNetworkEmbedder
    >>> from skembed.widgets import TernaryPatterns
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> fne = FullNetworkEmbedder(image_size=64).fit(X)
    >>> view = TernaryPatterns(fne, X, ["cup", "cat", "person"], n_features=3)
    >>> view.cell = ["cat", "stem_conv"]
    >>> view.features["layer"].tolist()[:3]
    ['stem_conv', 'stem_conv', 'stem_conv']
    """

    _esm = script("bars.js", "heat_map.js", "ternary_patterns.js")
    _verb = "patterns"
    view_parameters = ("cell", "sign", "n_features")

    classes = t.List(t.Unicode()).tag(sync=True)
    layers = t.List(t.Unicode()).tag(sync=True)
    cell = t.List(t.Unicode()).tag(sync=True)
    sign = t.Enum(TERNARY_SIGNS, "present").tag(sync=True)
    _shares = t.Dict().tag(sync=True)
    _features = t.List().tag(sync=True)

    def __init__(
        self,
        fne: Any,
        X: Any,
        y: Any,
        *,
        cell: Sequence[str] | None = None,
        sign: str = "present",
        n_features: int = 10,
    ):
        self.patterns, self._n_features = class_patterns(fne, X, y), n_features
        presence, absence = self.patterns.presence, self.patterns.absence
        self._names = {str(name): name for name in presence.index}
        self.features = pd.DataFrame()
        super().__init__(
            Thumbnails(None),
            {"fne": fne, "X": X, "y": y, "n_features": n_features},
            sign=sign,
            classes=list(self._names),
            layers=list(presence.columns),
            _shares={
                "present": presence.to_numpy().tolist(),
                "absent": absence.to_numpy().tolist(),
            },
        )
        self.cell = self.classes[:1] if cell is None else list(cell)

    def figure(self) -> Any:
        """Return both heat maps.

        Returns
        -------
        matplotlib.figure.Figure
            As :class:`skembed.inspection.ClassPatternsDisplay` draws them.
        """
        from matplotlib.figure import Figure

        presence, absence = self.patterns.presence, self.patterns.absence
        n_classes, n_layers = presence.shape
        size = (2.5 + 0.17 * n_layers, 1.9 + 0.4 * n_classes)
        axes = Figure(figsize=size, layout="constrained").subplots(2, 1, sharex=True)
        return ClassPatternsDisplay(presence, absence).plot(axes).figure_

    def _given_words(self) -> Sequence[str]:
        return [self._expression("fne"), self._expression("X"), self._object_option("-y", "y")]

    def _options(self) -> dict[str, str]:
        name = [one for one in self.cell if one]  # all layers have no name
        return {**super()._options(), "--cell": option("--cell", name)}

    @t.validate("cell")
    def _known_cell(self, proposal: Any) -> list[str]:
        if len(proposal.value) not in (1, 2):
            raise ValueError(f"cell is {proposal.value}; expected [class, layer], or [class].")
        cell = [*proposal.value, ""][:2]
        for name, known in zip(cell, (self.classes, ["", *self.layers]), strict=True):
            if name not in known:
                raise ValueError(f"cell={proposal.value} is none. {did_you_mean(name, known)}")
        return cell

    @t.observe("cell")
    def _show_features(self, _: Any) -> None:
        name, layer = self._names[self.cell[0]], self.cell[1]
        found = self.patterns
        table = pd.DataFrame(
            {
                "layer": found.layers,
                "presence": found.feature_presence.loc[name],
                "absence": found.feature_absence.loc[name],
                "difference": found.differences.loc[name],
            }
        )
        own = table.loc[table["layer"] == layer] if layer else table
        ordered = own.sort_values("difference", ascending=False, kind="stable")
        present = ordered[ordered["difference"] > 0].iloc[: self._n_features]
        absent = ordered[ordered["difference"] < 0].iloc[-self._n_features :]
        self.features = pd.concat([present, absent])
        self._features = self.features.rename_axis("name").reset_index().to_dict("records")

    def __repr__(self) -> str:
        return f"TernaryPatterns({len(self.classes)} classes, {len(self.layers)} layers)"
