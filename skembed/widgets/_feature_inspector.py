"""FeatureInspector: the images at both ends of a feature, and the features of an image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..estimators._layer_embedder import LayerEmbedder
from ..images import as_items
from ..inspection._distinctive import Deviations
from ..inspection._examples import ends
from ..inspection._features import Feature, columns, find_feature, network_layers
from ..inspection._readout import as_pipeline, continuous
from ..inspection._top_images_display import TopImagesDisplay
from . import _anywidget as t
from ._base import Widget, answers, script
from ._overlays import LARGE, Overlays
from ._thumbnails import Thumbnails

_ENDS = ("highest", "lowest")
_MOST_IN_FIGURE = 5
_MOST_CLASSES = 12  # of a histogram
_MOST_COMPLETIONS = 24


class FeatureInspector(Widget):
    """The images that raise and lower a feature most, and the features of one image.

    A feature is chosen by its name, by a layer and a channel, or as the next or the one before.
    Its images have the activation map over them. A click on an image shows the features in which
    it differs most from the others of its class; a click on one of these goes to that feature.

    Parameters
    ----------
    estimator : PretrainedEmbedder, FullNetworkEmbedder or Pipeline
        An embedder, fitted if it has something to learn; of a fitted pipeline that ends with a
        linear classifier, or a search over one, the embedder is looked at.
    X : sequence of images, of length n_samples
        Those that are in the store do not run again.
    y : array-like of shape (n_samples,), optional
        The classes; some may be missing (None, NaN).
    feature : int, str or (str, int), default=0
        A column, its name, or a layer and a channel of it. A layer may be any of the network; the
        images then run once for it.
    image : int, default=-1
        The image that is shown, or -1.
    n_images : int, default=9
        How many images of each end are shown.
    n_counted : int, optional
        Of how many images at each end the classes are counted. By default a tenth of all, or
        `n_images` if these are more, and no more than half.
    n_features : int, default=8
        How many features of each end are shown of an image.

    Attributes
    ----------
    feature : str
        The name of the feature that is shown. Set it, in any form that the parameter takes, or
        choose it on the page.
    image : int
        The position in X of the image that is shown, or -1.
    found : Bunch
        What :func:`skembed.inspection.top_images` finds for the feature, of `n_counted` images.
    features : pandas.DataFrame
        The features of the image that are shown, as
        :func:`skembed.inspection.distinctive_features` gives them; empty without an image.

    See Also
    --------
    skembed.inspection.top_images : The images, and the classes at both ends.
    skembed.inspection.distinctive_features : The features of an image against its class.
    skembed.inspection.TopImagesDisplay : The picture.

    Notes
    -----
    Values are not rounded: with a FullNetworkEmbedder, they are the standardised ones. All maps of
    a feature have one scale, from the lowest to the highest value in the images of both ends. An
    image that is the only one of its class is compared with all others. Of images with one value,
    as the many in which a feature is 0, those that come first in X are taken; the page says so.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder
    >>> from skembed.widgets import FeatureInspector
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> embedder = PretrainedEmbedder(layers="stage1", image_size=64)
    >>> view = FeatureInspector(embedder, X, ["cup", "cat", "person"], n_features=2)
    >>> view.feature = 3
    >>> view.feature, len(view.found.scores)
    ('stage1__003', 3)
    >>> view.image = 1
    >>> view.features.columns.tolist()
    ['layer', 'channel', 'value', 'standardized', 'difference']
    """

    _esm = script("bars.js", "feature_inspector.js")
    _verb = "features"
    view_parameters = ("feature", "image", "n_images", "n_counted", "n_features")

    feature = t.Any().tag(sync=True)
    image = t.Int(-1).tag(sync=True)
    _layers = t.List().tag(sync=True)
    _n = t.List(t.Int()).tag(sync=True)
    _ends = t.Dict().tag(sync=True)
    _detail = t.Dict().tag(sync=True)

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        feature: Any = 0,
        image: int = -1,
        n_images: int = 9,
        n_counted: int | None = None,
        n_features: int = 8,
    ):
        is_embedder = isinstance(estimator, LayerEmbedder)
        self._embedder: Any = estimator if is_embedder else as_pipeline(estimator)[0]
        self._items = as_items(X, root=self._embedder.root)
        self._rows = np.asarray(continuous(self._embedder).transform(self._items))
        self._y = y if y is None else pd.Categorical(y)
        if y is not None and len(y) != len(self._items):
            raise ValueError(f"X has {len(self._items):,} images, and y {len(y):,} labels.")
        n = len(self._items)
        self._n_images, self._n_features = n_images, n_features
        self._n_counted = n_counted or max(1, min(max(n_images, n // 10), (n + 1) // 2))
        self._names = self._embedder.get_feature_names_out().tolist()
        self._found = find_feature(self._embedder, feature)
        self.found, self.features = Bunch(), pd.DataFrame()
        super().__init__(
            Thumbnails(self._items),
            {"estimator": estimator, "X": X, "y": y, "n_images": n_images}
            | {"n_counted": n_counted, "n_features": n_features},
            _layers=[list(one) for one in network_layers(self._embedder)],
            _n=[n, len(self._names)],
        )
        self.feature = self._found
        self.image = image

    def figure(self) -> Any:
        """Return the images of both ends with their maps.

        Returns
        -------
        matplotlib.figure.Figure
            As :class:`skembed.inspection.TopImagesDisplay` draws it, of at most five an end.
        """
        from matplotlib.figure import Figure

        n = min(_MOST_IN_FIGURE, self._n_images)
        highest, lowest = (
            [(self._overlays.display(i), value) for i, value in self._shown(end, n)]
            for end in _ENDS
        )
        width = max(4.0, 1.9 * max(1, len(highest)))
        figure = Figure(figsize=(width, 4.4), layout="constrained")
        why = "" if self._overlays.has_places else " (its layer has no places)"
        return TopImagesDisplay(highest, lowest, self._found.name + why).plot(figure).figure_

    def _given_words(self) -> Sequence[str]:
        labels = self._object_option("-y", "y")
        return [self._expression("estimator"), self._expression("X"), labels]

    @t.validate("feature")
    def _known_feature(self, proposal: Any) -> str:
        value = proposal.value
        is_found = isinstance(value, Feature)
        self._found = value if is_found else find_feature(self._embedder, _plain(value))
        return self._found.name

    @t.validate("image")
    def _known_image(self, proposal: Any) -> int:
        if not -1 <= proposal.value < len(self._items):
            raise ValueError(
                f"image={proposal.value} is none: X has {len(self._items):,} images, from 0."
            )
        if proposal.value >= 0 and np.isnan(self._rows[proposal.value]).any():
            raise ValueError(f"The image {proposal.value} could not be read.")
        return proposal.value

    @t.observe("feature")
    def _show_feature(self, _: Any) -> None:
        with self._telling():
            self._overlays = Overlays(self._found, self._items)
            self.found = ends(
                self._items, self._scores(), self._found.name, self._n_counted, self._y
            )
            with self.hold_sync():
                self._ends = self._described()
                self._show_image()

    def _scores(self) -> np.ndarray:
        """The feature for every image; another layer than the embedder's runs."""
        found = self._found
        is_own = found.embedder is self._embedder
        rows = self._rows if is_own else continuous(found.embedder).transform(self._items)
        return np.asarray(rows)[:, found.column].astype(float)

    def _described(self) -> dict[str, Any]:
        found, n_columns = self._found, len(columns(self._found.embedder))
        classes = self.found.classes
        return {
            "feature": found.name,
            "layer": found.layer,
            "channel": found.channel,
            "n_channels": found.tap.n_channels,
            "column": found.column if found.embedder is self._embedder else -1,
            "n_columns": n_columns,
            "highest": self._images("highest"),
            "lowest": self._images("lowest"),
            "n_counted": len(self.found.highest),
            "ties": {end: self._ties(end) for end in _ENDS},
            "classes": None if classes is None else _most_frequent(classes),
        }

    def _shown(self, end: str, n: int) -> list[tuple[int, float]]:
        return [
            (int(i), float(value)) for i, value in self.found[end]["value"].iloc[:n].items()
        ]

    def _images(self, end: str) -> list[dict[str, Any]]:
        shown = self._shown(end, self._n_images)
        return [{"id": i, "value": value, "label": self._label(i)} for i, value in shown]

    def _ties(self, end: str) -> int:
        """How many images share the last value that is counted, if not all of them are counted."""
        counted = self.found[end]["value"].to_numpy()
        n_all = np.count_nonzero(self.found.scores == counted[-1])
        return int(n_all) if n_all > np.count_nonzero(counted == counted[-1]) else 0

    def _label(self, i: int) -> str:
        if self._y is None or self._y.codes[i] < 0:
            return ""
        return str(self._y[i])

    @t.observe("image")
    def _image_chosen(self, _: Any) -> None:
        with self._telling():
            self._show_image()

    def _show_image(self) -> None:
        i = self.image
        if i < 0:
            self.features, self._detail = pd.DataFrame(), {}
            return
        is_alone = not len(self._deviations.others(i))
        table = (self._from_all if is_alone else self._deviations).of(i)
        above, below = table[table["difference"] > 0], table[table["difference"] < 0]
        self.features = pd.concat(
            [above.iloc[: self._n_features], below.iloc[-self._n_features :]]
        )
        self._detail = {
            "image": i,
            "label": self._label(i),
            "against": "" if is_alone else self._label(i),
            "value": float(self.found.scores[i]),
            "features": self.features.rename_axis("name").reset_index().to_dict("records"),
        }

    @cached_property
    def _deviations(self) -> Deviations:
        return Deviations(self._embedder, self._rows, self._y)

    @cached_property
    def _from_all(self) -> Deviations:
        return Deviations(self._embedder, self._rows)

    @answers("maps")
    def _send_maps(self, content: dict[str, Any], _: Any) -> None:
        """The maps of the feature over images; the reason where its layer has none."""
        if content["feature"] != self.feature:
            return  # another was chosen since
        ids = [int(i) for i in content["ids"] if 0 <= i < len(self._items)]
        ids = ids[: 2 * self._n_images + 1]
        shown = [i for end in _ENDS for i, _ in self._shown(end, self._n_images)]
        pictures = self._overlays.pictures(ids, shown)
        why = self._overlays.why_not
        self.send({"kind": "maps", "feature": self.feature, "ids": ids, "why": why}, pictures)

    @answers("pictures")
    def _send_pictures(self, content: dict[str, Any], _: Any) -> None:
        ids = [int(i) for i in content["ids"][: 2 * self._n_images + 1]]
        pictures = [self._thumbnails.large(i, LARGE) for i in ids]
        names = self._thumbnails.names(ids)
        self.send({"kind": "pictures", "ids": ids, "names": names}, pictures)

    @answers("choose")
    def _choose(self, content: dict[str, Any], _: Any) -> None:
        """Take an image, or a feature: a name, a layer and channel, a step to a neighbour."""
        found = self._found
        if "image" in content:
            self.image = int(content["image"])
        elif "step" in content:
            column = (found.column + int(content["step"])) % len(columns(found.embedder))
            self.feature = find_feature(found.embedder, column)
        elif "layer" in content:
            self.feature = (str(content["layer"]), int(content["channel"]))
        else:
            text = str(content["name"]).strip()
            self.feature = int(text) if text.isdigit() else text

    @answers("complete")
    def _complete(self, content: dict[str, Any], _: Any) -> None:
        text = str(content["text"])
        self.send({"kind": "complete", "text": text, "names": _completions(self._names, text)})

    def __repr__(self) -> str:
        n, n_features = self._n
        return f"FeatureInspector({self.feature}, {n:,} images, {n_features:,} features)"


def _plain(feature: Any) -> Any:
    """A pair as a tuple: what comes from a page is a list."""
    return tuple(feature) if isinstance(feature, list) else feature


def _completions(names: list[str], text: str) -> list[str]:
    """Names that hold a text, those that begin with it first."""
    text = text.lower()
    holding = [name for name in names if text in name.lower()]
    return sorted(holding, key=lambda name: not name.lower().startswith(text))[
        :_MOST_COMPLETIONS
    ]


def _most_frequent(classes: pd.DataFrame) -> dict[str, Any]:
    """For each end, the classes with most images: name, count, and count among all."""
    found = {}
    for end in _ENDS:
        counts = classes.loc[classes[end] > 0, [end, "all"]]
        order = np.argsort(-counts[end].to_numpy(), kind="stable")[:_MOST_CLASSES]
        rows = counts.iloc[order].itertuples()
        found[end] = [[str(name), int(n), int(of_all)] for name, n, of_all in rows]
    return found
