"""LayerContributions: what each layer and stage carries in a linear classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from .._errors import did_you_mean
from ..inspection._explain import layer_contributions
from ..inspection._layer_display import LayerContributionsDisplay
from ..inspection._strongest import OVERALL, strongest
from . import _anywidget as t
from ._base import Widget, script
from ._thumbnails import Thumbnails


class LayerContributions(Widget):
    """What each layer and stage carries in a fitted linear classifier, for each class and overall.

    A bar is the share that a layer, or a stage, has of the sum of absolute coefficients. A click
    on it, or Enter, shows the strongest features in it; a list chooses the class.

    Parameters
    ----------
    clf : Pipeline, or search over one
        Fitted: an embedder, perhaps scalers, a discretizer or a RowSpaceProjector, and a linear
        classifier.
    target : str, default="overall"
        The class that is shown first.
    selected : str, default=""
        The layer or stage whose features are shown first; empty for all.
    n_features : int, default=15
        How many of the strongest features are shown.

    Attributes
    ----------
    target : str
        The class that is shown, or ``"overall"``. Set it, or choose it on the page.
    selected : str
        The layer or stage whose features are shown; empty for all. Set it, or click on it.
    features : pandas.DataFrame
        The features that are shown, as :func:`skembed.inspection.strongest_features` gives them.
    shares : pandas.DataFrame of shape (n_layers, n_classes + 1)
        The shares, as :func:`skembed.inspection.layer_contributions` gives them.

    See Also
    --------
    skembed.inspection.layer_contributions : The numbers.
    skembed.inspection.LayerContributionsDisplay : The picture.

    Notes
    -----
    Sums of absolute coefficients can be compared between layers where the values have one scale,
    as standardised ones have.

    Examples
    --------
    >>> from skimage import data
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> from skembed import FullNetworkEmbedder
    >>> from skembed.widgets import LayerContributions
    >>> clf = make_pipeline(FullNetworkEmbedder(image_size=64), LinearSVC())
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> view = LayerContributions(clf.fit(X, ["cup", "cat", "person"]), n_features=4)
    >>> view.target, view.selected = "cat", "stage3"
    >>> view.features["class"].tolist()
    ['cat', 'cat', 'cat', 'cat']
    """

    _esm = script("bars.js", "layer_contributions.js")
    _verb = "contributions"
    view_parameters = ("target", "selected", "n_features")

    classes = t.List(t.Unicode()).tag(sync=True)
    target = t.Unicode(OVERALL).tag(sync=True)
    selected = t.Unicode("").tag(sync=True)
    _parts = t.List().tag(sync=True)
    _features = t.List().tag(sync=True)

    def __init__(
        self, clf: Any, *, target: Any = OVERALL, selected: str = "", n_features: int = 15
    ):
        self._found, self._n_features = layer_contributions(clf), n_features
        names = self._found.shares.columns.tolist()
        self._names = {str(name): name for name in names}
        self.features = pd.DataFrame()
        super().__init__(
            Thumbnails(None),
            {"clf": clf, "n_features": n_features},
            classes=list(self._names),
            target=str(target),
            selected=selected,
            _parts=_parts(self._found),
        )
        self._show_features()

    @property
    def shares(self) -> pd.DataFrame:
        """The share of each layer, overall and for each class."""
        return self._found.shares

    def figure(self) -> Any:
        """Return the shares of the layers for the class that is shown.

        Returns
        -------
        matplotlib.figure.Figure
            As :class:`skembed.inspection.LayerContributionsDisplay` draws them.
        """
        from matplotlib.figure import Figure

        size = (4 + 0.16 * len(self.shares), 3.6)
        ax = Figure(figsize=size, layout="constrained").subplots()
        display = LayerContributionsDisplay(self.shares, self._found.stages)
        return display.plot(ax, target=self._names[self.target]).figure_

    def _given_words(self) -> Sequence[str]:
        return [self._expression("clf")]

    @t.validate("target")
    def _known_target(self, proposal: Any) -> str:
        return _known("target", proposal.value, self._names)

    @t.validate("selected")
    def _known_part(self, proposal: Any) -> str:
        parts = ["", *(part["name"] for part in _parts(self._found))]
        return _known("selected", proposal.value, parts)

    @t.observe("target", "selected")
    def _show_features(self, _: Any = None) -> None:
        target = self._names[self.target]
        self.features = strongest(self._found, target, self.selected or None, self._n_features)
        self._features = [
            {
                "name": str(name),
                "layer": layer,
                "class": str(whose),
                "coefficient": float(value),
            }
            for name, layer, _, whose, value in self.features.itertuples(name=None)
        ]

    def __repr__(self) -> str:
        n_classes = len(self.classes) - 1
        return f"LayerContributions({len(self.shares)} layers, {n_classes} classes)"


def _known(what: str, name: str, names: Any) -> str:
    if name not in names:
        raise ValueError(f"{what}={name!r} is none. {did_you_mean(name, names)}")
    return name


def _parts(found: Bunch) -> list[dict[str, Any]]:
    """Layers in the network's order, before them their stage where it has several."""
    stages = list(dict.fromkeys(found.stages))
    parts: list[dict[str, Any]] = []
    for number, stage in enumerate(stages):
        own = found.shares[found.stages == stage]
        has_row = bool(stage) and len(own) > 1 and stage not in found.shares.index
        if has_row:
            parts.append(_part(stage, "stage", number, own.sum()))
        depth = "layer of stage" if has_row else "layer"
        parts += [_part(name, depth, number, own.loc[name]) for name in own.index]
    return parts


def _part(name: str, kind: str, stage: int, shares: pd.Series) -> dict[str, Any]:
    return {"name": name, "kind": kind, "stage": stage, "shares": shares.tolist()}
