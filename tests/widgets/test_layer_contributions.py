"""LayerContributions in Python: the shares, the features, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from skembed.inspection import layer_contributions, strongest_features
from skembed.widgets import LayerContributions


def test_bars_are_the_shares_of_layers_and_stages(classifier):
    view = LayerContributions(classifier)
    shares = layer_contributions(classifier).shares
    assert view.classes == ["overall", "brick", "coffee", "grass"]
    parts = {part["name"]: part["shares"] for part in view._parts}
    assert list(parts) == ["stage1", "stage2", "block2a_expand_conv", "block2a_dwconv"]
    for name in shares.index:
        np.testing.assert_allclose(parts[name], shares.loc[name])
    both = shares.loc[["block2a_expand_conv", "block2a_dwconv"]].sum()
    np.testing.assert_allclose(parts["stage2"], both)


def test_features_follow_the_class_and_the_layer(classifier):
    view = LayerContributions(classifier, n_features=5)
    known = layer_contributions(classifier)
    summed = known.coefficients.abs().sum(axis=1)
    assert view.features.index.tolist() == summed.nlargest(5).index.tolist()
    view.set_state({"target": "grass", "selected": "stage2"})
    own = known.coefficients.loc[(known.layers != "stage1").to_numpy(), "grass"]
    assert [row["name"] for row in view._features] == own.abs().nlargest(5).index.tolist()
    assert [row["coefficient"] for row in view._features] == own[view.features.index].tolist()
    view.selected = "stage1"
    assert {row["layer"] for row in view._features} == {"stage1"}


def test_overall_tells_the_class_of_the_largest_coefficient(classifier):
    found = strongest_features(classifier, n=4)
    coefficients = layer_contributions(classifier).coefficients
    for name, row in found.iterrows():
        assert row["class"] == coefficients.loc[name].abs().idxmax()
        assert row["coefficient"] == coefficients.loc[name, row["class"]]
    assert len(strongest_features(classifier, n=10**6)) == len(coefficients)


def test_picture_and_refusals(classifier):
    view = LayerContributions(classifier, target="brick")
    (ax,) = view.figure().axes
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights, view.shares["brick"])
    assert view.embed_line() == "%embed contributions clf --target brick"
    assert "image/png" in view._repr_mimebundle_()[0]
    assert repr(view) == "LayerContributions(3 layers, 3 classes)"
    for name, value in (("target", "gras"), ("selected", "stage3")):
        with pytest.raises(ValueError, match="Did you mean"):
            setattr(view, name, value)
    with pytest.raises(ValueError, match="no layer or stage 'stage9'"):
        strongest_features(classifier, layers="stage9")
    with pytest.raises(TypeError, match="expected a fitted Pipeline"):
        LayerContributions(classifier[0])
