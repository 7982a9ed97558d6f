"""The features that a linear classifier weighs most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from .._errors import did_you_mean
from ._explain import layer_contributions

OVERALL = "overall"


def strongest_features(
    clf: Any, *, target: Any = OVERALL, layers: Any = None, n: int = 10
) -> pd.DataFrame:
    """Return the features whose coefficients are largest in a fitted linear classifier.

    Parameters
    ----------
    clf : Pipeline, or search over one
        As for :func:`layer_contributions`.
    target : class, default="overall"
        Whose coefficients; by default, absolute coefficients are added up over all classes.
    layers : str or list of str, optional
        Features of these layers or stages only.
    n : int, default=10
        How many; fewer where there are no more.

    Returns
    -------
    pandas.DataFrame
        Indexed by the features' names, the strongest first: ``layer``; ``strength``, the absolute
        coefficient or the sum of them; ``class`` and ``coefficient``, those of `target`, or of
        the class in which the feature has its largest absolute coefficient.

    Raises
    ------
    TypeError, NotFittedError
        As :func:`layer_contributions`.
    ValueError
        If there is no such class or layer.

    See Also
    --------
    layer_contributions : The sums over layers.

    Notes
    -----
    Coefficients can be compared where the values have one scale, as standardised ones have.

    Examples
    --------
    >>> from skimage import data
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> from skembed import FullNetworkEmbedder, inspection
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> clf = make_pipeline(FullNetworkEmbedder(image_size=64), LinearSVC())
    >>> found = inspection.strongest_features(
    ...     clf.fit(X, ["cup", "cat", "person"]), target="cat", layers="stage5", n=3
    ... )
    >>> len(found), set(found["class"])
    (3, {'cat'})
    """
    return strongest(layer_contributions(clf), target, layers, n)


def strongest(found: Bunch, target: Any, layers: Any, n: int) -> pd.DataFrame:
    """The same of what :func:`layer_contributions` has found already."""
    names = found.shares.columns.tolist()
    if target not in names:
        hint = did_you_mean(target, map(str, names))
        raise ValueError(f"The classifier knows no class {target!r}. {hint}")
    is_meant = found.layers.isin(_layers(found, layers)).to_numpy()
    coefficients = found.coefficients.loc[is_meant]
    values = coefficients.to_numpy()
    if target == OVERALL:
        strength, best = np.abs(values).sum(axis=1), np.abs(values).argmax(axis=1)
    else:
        best = np.full(len(values), names.index(target) - 1)  # the first name is "overall"
        strength = np.abs(values[np.arange(len(values)), best])
    order = np.argsort(-strength, kind="stable")[:n]
    return pd.DataFrame(
        {
            "layer": found.layers[is_meant].to_numpy()[order],
            "strength": strength[order],
            "class": coefficients.columns.to_numpy()[best[order]],
            "coefficient": values[order, best[order]],
        },
        index=coefficients.index[order],
    )


def _layers(found: Bunch, layers: Any) -> list[str]:
    """The layers that are meant, where a stage stands for all of its layers."""
    if layers is None:
        return found.stages.index.tolist()
    chosen: list[str] = []
    for name in [layers] if isinstance(layers, str) else layers:
        of_stage = found.stages.index[found.stages == name].tolist()
        if name in found.stages.index:
            chosen.append(name)
        elif name and of_stage:
            chosen += of_stage
        else:
            known = dict.fromkeys([*found.stages[found.stages != ""], *found.stages.index])
            hint = did_you_mean(name, known)
            raise ValueError(f"The classifier reads no layer or stage {name!r}. {hint}")
    return chosen
