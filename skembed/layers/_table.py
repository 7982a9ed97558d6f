"""The layers of a backbone, for a person to read and choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..backbones._registry import resolve
from ._select import known

if TYPE_CHECKING:
    import pandas as pd


def table(backbone: Any = "efficientnet_lite0") -> pd.DataFrame:
    """Return the layers of a backbone in the network's order, a row each.

    Parameters
    ----------
    backbone : str, path, keras.Model or Backbone, default="efficientnet_lite0"
        As an estimator takes it.

    Returns
    -------
    pandas.DataFrame
        Indexed by name: ``stage``, ``kind`` (Keras' class), ``depends`` (the layers before
        it), ``shape`` (of its output), ``features`` (the columns it gives where it is asked
        for, once pooled), ``in_all`` (whether ``layers="all"`` takes it: convolutional and dense
        layers but the classifier).

    See Also
    --------
    skembed.PretrainedEmbedder : Takes these names as `layers`.

    Examples
    --------
    >>> from skembed import layers
    >>> table = layers.table("efficientnet_lite0")
    >>> table.loc["block1a_dwconv", ["stage", "kind", "shape"]].tolist()
    ['stage1', 'DepthwiseConv2D', '112 x 112 x 32']
    >>> int(table.loc["block1a_dwconv", "features"])
    32
    >>> int(table.loc[table["in_all"], "features"].sum())
    21008
    """
    import pandas as pd

    rows = [
        {
            "name": layer.name,
            "stage": layer.stage,
            "kind": layer.kind,
            "depends": ", ".join(layer.depends),
            "shape": " x ".join("?" if side is None else str(side) for side in layer.shape),
            "features": layer.n_columns,
            "in_all": layer.is_feature,
        }
        for layer in known(resolve(backbone))
    ]
    return pd.DataFrame(rows).set_index("name")
