"""What a linear classifier decides by: features and layers, and what each gave to a decision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..formats._network import Tap
from ..images import as_items
from ..layers._select import known as known_layers
from ._examples import checked_position
from ._features import columns
from ._linear_steps import NotLinearError
from ._maps import map_of_weights
from ._readout import Readout, readout


def layer_contributions(clf: Any, X: Any = None) -> Bunch:
    """Return what each layer carries in a fitted linear classifier, overall and for each class.

    Parameters
    ----------
    clf : Pipeline, or search over one
        Fitted: an embedder, perhaps scalers, a discretizer or a RowSpaceProjector, and a linear
        classifier.
    X : sequence of images, of length n_samples, optional
        Images whose decisions are taken apart; those that are in the store do not run again.

    Returns
    -------
    Bunch
        With the attributes

        weights : pandas.DataFrame of shape (n_layers, n_classes)
            The sum of the absolute coefficients of a layer's features, for each class.
        shares : pandas.DataFrame of shape (n_layers, n_classes + 1)
            The same as parts of 1 in each column; the first, ``"overall"``, is of all classes
            together.
        stages : pandas.Series of shape (n_layers,)
            The stage of the network that the layer belongs to; empty after the last.
        coefficients : pandas.DataFrame of shape (n_features, n_classes)
            The coefficients, by the features' names.
        layers : pandas.Series of shape (n_features,)
            The layer of each feature.
        intercept : pandas.Series of shape (n_classes,)
            The intercepts.
        contributions : float array of shape (n_samples, n_layers, n_classes), or None
            With `X`: the sum of coefficient x value over a layer's features, for each image.
            With the intercepts, the layers add up to the decision function.

    Raises
    ------
    TypeError
        If `clf` is no such pipeline.
    NotFittedError
        If it is not fitted.
    ValueError
        If a step mixes features in a way that is not linear.

    See Also
    --------
    explain : One decision, by its features.
    LayerContributionsDisplay : The picture.

    Notes
    -----
    A coefficient belongs to the value that the classifier sees: standardised after a
    StandardScaler, -1, 0 or 1 after a Discretizer. Coefficients for the components of a
    RowSpaceProjector or a PCA are brought back to the features. Sums of absolute coefficients can
    be compared between layers where the values have one scale, as standardised ones have; without
    a scaler, compare `contributions`.

    With two classes, `decision_function` is that of the second; the first has its negative here.

    Examples
    --------
    >>> from skimage import data
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> from skembed import FullNetworkEmbedder, inspection
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> clf = make_pipeline(FullNetworkEmbedder(image_size=64), LinearSVC())
    >>> found = inspection.layer_contributions(clf.fit(X, ["cup", "cat", "person"]))
    >>> found.shares.columns.tolist()
    ['overall', 'cat', 'cup', 'person']
    >>> float(found.shares["overall"].sum().round(6))
    1.0
    """
    known = readout(clf)
    network = known.embedder._checked_spec().network
    slices = network.layer_slices
    weights = pd.DataFrame(
        {
            name: np.abs(known.coef[:, columns_]).sum(axis=1)
            for name, columns_ in slices.items()
        },
        index=pd.Index(known.classes, name="class"),
    ).T.rename_axis(index="layer")
    overall = weights.sum(axis=1).rename("overall").to_frame()
    shares = pd.concat([overall, weights], axis=1)
    contributions = None if X is None else _by_layer(known, known.values(X), slices)
    return Bunch(
        weights=weights,
        shares=shares / shares.sum().replace(0, 1),
        stages=pd.Series(
            _stages(known.embedder, network.taps),
            index=weights.index,
            name="stage",
            dtype=object,
        ),
        coefficients=pd.DataFrame(
            known.coef.T,
            index=pd.Index(network.feature_names, name="feature"),
            columns=weights.columns,
        ),
        layers=_layers(known.embedder),
        intercept=pd.Series(known.intercept, index=weights.columns, name="intercept"),
        contributions=contributions,
    )


def explain(
    clf: Any,
    X: Any,
    i: int,
    *,
    target: Any = None,
    against: Any = None,
    regions: bool = True,
) -> Bunch:
    """Return the features, layers and regions that carried a decision.

    Parameters
    ----------
    clf : Pipeline, or search over one
        Fitted, as for :func:`layer_contributions`.
    X : sequence of images, of length n_samples
        Images.
    i : int
        Which of them.
    target : class, optional
        The class whose decision is taken apart; by default the predicted one.
    against : class, optional
        Another class: what is taken apart is the decision for `target` less that for `against`,
        as where an image was taken for the wrong class.
    regions : bool, default=True
        Whether to look for the places in the image, for which the network runs once more.

    Returns
    -------
    Bunch
        With the attributes

        features : pandas.DataFrame of shape (n_features, 5)
            Indexed by name, the largest contribution (positive or negative) first: ``layer``,
            ``channel``, ``coefficient``, ``value`` and ``contribution``, which is their product.
        layers : pandas.Series of shape (n_layers,)
            The sums of contributions, in the network's order.
        intercept : float
            With the contributions, it adds up to the decision.
        decision : float
            What `decision_function` gives for `target`, less that for `against`.
        predicted, target, against : class
            What was predicted, and what was asked; `against` may be None.
        regions : Bunch or None
            What :func:`activation_map` gives for the class; None where it is not asked for, or a
            step is not linear.
        why_no_regions : str
            The reason, where a step is not linear; empty otherwise.

    Raises
    ------
    TypeError, ValueError
        As :func:`layer_contributions`; or if there is no such image or class.
    ImageError
        If the image cannot be read.

    See Also
    --------
    layer_contributions : The whole classifier.
    activation_map : Where a single feature is active.

    Examples
    --------
    >>> from skimage import data
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skembed import PretrainedEmbedder, inspection
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> clf = make_pipeline(PretrainedEmbedder(image_size=64), LogisticRegression())
    >>> found = inspection.explain(clf.fit(X, ["cup", "cat", "person"]), X, 1)
    >>> str(found.target), found.regions.map.shape
    ('cat', (300, 451))
    >>> total = found.features["contribution"].sum() + found.intercept
    >>> bool(abs(total - found.decision) < 1e-5)
    True
    """
    known = readout(clf)
    items = as_items(X, root=known.embedder.root)
    i = checked_position(i, len(items))
    values = known.values([items[i]])[0].astype(np.float64)
    decisions = known.decisions(values[None])[0]
    predicted = known.classes[decisions.argmax()]
    index = int(decisions.argmax()) if target is None else known.index(target)
    coef, intercept = known.coef[index], float(known.intercept[index])
    if against is not None:
        other = known.index(against)
        coef, intercept = coef - known.coef[other], intercept - float(known.intercept[other])
    features = _features(known, coef, values)
    where, why = _regions(known, items[i], index, against) if regions else (None, "")
    return Bunch(
        features=features.iloc[np.argsort(-np.abs(coef * values), kind="stable")],
        layers=features.groupby("layer", sort=False)["contribution"].sum(),
        intercept=intercept,
        decision=float(coef @ values + intercept),
        predicted=predicted,
        target=known.classes[index],
        against=against,
        regions=where,
        why_no_regions=why,
    )


def _by_layer(known: Readout, values: np.ndarray, slices: dict[str, slice]) -> np.ndarray:
    return np.stack(
        [values[:, where].astype(float) @ known.coef[:, where].T for where in slices.values()],
        axis=1,
    )


def _features(known: Readout, coef: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    places = columns(known.embedder)
    return pd.DataFrame(
        {
            "layer": [tap.label for tap, *_ in places],
            "channel": [channel for *_, channel in places],
            "coefficient": coef,
            "value": values,
            "contribution": coef * values,
        },
        index=pd.Index(known.embedder.get_feature_names_out(), name="feature"),
    )


def _regions(known: Readout, item: Any, index: int, against: Any) -> tuple[Bunch | None, str]:
    """The map of the decision, or the reason why there is none."""
    try:
        coef, intercept = known.on_activations()
    except NotLinearError as error:
        return None, str(error)
    weights, offset, name = coef[index], float(intercept[index]), str(known.classes[index])
    if against is not None:
        other = known.index(against)
        weights, offset = weights - coef[other], offset - float(intercept[other])
        name = f"{name} rather than {against}"
    try:
        return map_of_weights(known.embedder, item, weights, offset, name), ""
    except NotLinearError as error:
        return None, str(error)


def _layers(embedder: Any) -> pd.Series:
    return pd.Series(
        [tap.label for tap, *_ in columns(embedder)],
        index=pd.Index(embedder.get_feature_names_out(), name="feature"),
        name="layer",
    )


def _stages(embedder: Any, taps: tuple[Tap, ...]) -> list[str]:
    """The stage of each tap; that of the embedding is empty, for it is behind the last."""
    stage_of = {
        layer.name: layer.stage for layer in known_layers(embedder._checked_spec().backbone)
    }
    return [stage_of.get(tap.layer, "") for tap in taps]
