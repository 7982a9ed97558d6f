"""TernaryPatterns in Python: shares, features, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from skembed.inspection import class_patterns
from skembed.widgets import TernaryPatterns


def test_features_are_those_that_set_the_class_apart(ternary_embedder, pictures, labels):
    view = TernaryPatterns(ternary_embedder, pictures, labels, n_features=5)
    codes, is_grass = ternary_embedder.transform(pictures), np.array(labels) == "grass"
    view.set_state({"cell": ["grass", "block2a_dwconv"]})
    own = codes[:, ternary_embedder.layer_slices_["block2a_dwconv"]].astype(float)
    assert view._shares["present"][2][2] == pytest.approx((own[is_grass] == 1).mean())
    assert view._shares["absent"][2][2] == pytest.approx((own[is_grass] == -1).mean())
    apart = np.sort(own[is_grass].mean(axis=0) - own[~is_grass].mean(axis=0))
    shown = [one["difference"] for one in view._features]
    np.testing.assert_allclose(shown, [*apart[::-1][:5], *apart[:5][::-1]])
    assert set(view.features["layer"]) == {"block2a_dwconv"}
    # Of all layers, those that class_patterns calls characteristic.
    view.cell = ["grass", ""]
    table = class_patterns(ternary_embedder, pictures, labels).characteristic
    expected = table[table["class"] == "grass"]["feature"].tolist()
    assert view.features.index.tolist() == [*expected[:5], *expected[-5:]]


def test_picture_and_refusals(ternary_embedder, classifier, pictures, labels):
    view = TernaryPatterns(ternary_embedder, pictures, labels)
    titles = [ax.get_title() for ax in view.figure().axes]
    assert titles[:2] == ["present (+1)", "absent (-1)"]
    assert "image/png" in view._repr_mimebundle_()[0]
    assert view.embed_line() == "%embed patterns fne X -y y --cell brick"
    assert repr(view) == "TernaryPatterns(3 classes, 3 layers)"
    with pytest.raises(ValueError, match="Did you mean 'grass'"):
        view.cell = ["gras", ""]
    with pytest.raises(TypeError, match="expected a FullNetworkEmbedder"):
        TernaryPatterns(classifier[0], pictures, labels)
