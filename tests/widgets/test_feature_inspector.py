"""FeatureInspector in Python: both ends, the features of an image, maps, what is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from skembed import PretrainedEmbedder, backbones
from skembed.inspection import distinctive_features, top_images
from skembed.widgets import FeatureInspector


@pytest.fixture(scope="session")
def embedder(classifier):
    return classifier[0]


def answers(view, monkeypatch, **content):
    """What the widget sends when the page sends this."""
    sent = []
    monkeypatch.setattr(
        view, "send", lambda message, buffers=(): sent.append((message, buffers))
    )
    view._receive(None, content, [])
    return sent


@pytest.mark.slow
def test_both_ends_are_those_of_top_images(embedder, pictures, labels):
    view = FeatureInspector(embedder, pictures, labels, n_images=3, n_counted=4)
    name = embedder.get_feature_names_out()[40]
    view.feature = 40
    assert view.feature == name
    found = top_images(embedder, pictures, name, n=4, y=labels)
    assert [one["id"] for one in view._ends["highest"]] == found.highest.index[:3].tolist()
    assert [one["value"] for one in view._ends["lowest"]] == found.lowest["value"][:3].tolist()
    assert {one["label"] for one in view._ends["lowest"]} <= set(labels)
    counted = {name: n for name, n, _ in view._ends["classes"]["lowest"]}
    expected = found.classes["lowest"]
    assert counted == expected[expected > 0].to_dict()
    assert sum(counted.values()) == 4
    n_zeros = np.count_nonzero(found.scores == 0)  # more than are counted
    assert view._ends["ties"] == {"highest": 0, "lowest": n_zeros}
    same = FeatureInspector(embedder, [pictures[0]] * 5, n_images=2)
    assert same._ends["ties"] == {"highest": 5, "lowest": 5}
    assert [one["id"] for one in same._ends["lowest"]] == [0, 1]


def test_an_image_has_the_features_that_set_it_apart(ternary_embedder, pictures, labels):
    view = FeatureInspector(ternary_embedder, pictures, labels, n_features=3)
    assert view.features.empty
    view.image = 5
    table = distinctive_features(ternary_embedder, pictures, 5, labels)
    assert view.features.index.tolist() == [*table.index[:3], *table.index[-3:]]
    assert view._detail["against"] == labels[5]
    assert view._detail["value"] == pytest.approx(view.found.scores[5])
    # The only one of its class is compared with all.
    lonely = [*labels[:5], "lonely", *labels[6:]]
    view = FeatureInspector(ternary_embedder, pictures, lonely, image=5)
    table = distinctive_features(ternary_embedder, pictures, 5)
    assert view.features.index[0] == table.index[0]
    assert view._detail["against"] == ""


@pytest.mark.slow
def test_features_are_chosen_by_name_channel_and_step(embedder, pictures, monkeypatch):
    view = FeatureInspector(embedder, pictures)
    names = embedder.get_feature_names_out().tolist()
    last = names[-1]
    answers(view, monkeypatch, kind="choose", step=-1)
    assert view.feature == last
    answers(view, monkeypatch, kind="choose", step=1)
    assert view.feature == names[0]
    answers(view, monkeypatch, kind="choose", layer="block2a_dwconv", channel=7)
    assert view.feature == "block2a_dwconv__007"
    answers(view, monkeypatch, kind="choose", name=" 3 ")
    assert view.feature == names[3]
    ((message, _),) = answers(view, monkeypatch, kind="choose", name="block2a_dwcon__007")
    assert "Did you mean" in message["text"] or "has no layer" in message["text"]
    assert view.feature == names[3]
    ((message, _),) = answers(view, monkeypatch, kind="complete", text="DWCONV__00")
    assert message["names"][:2] == ["block2a_dwconv__000", "block2a_dwconv__001"]
    # Any layer of the network; then its channels are stepped through.
    assert ["block2b_expand_conv", 144, False] in view._layers
    view.feature = ("block2b_expand_conv", 143)
    assert np.isfinite(view.found.scores).all()
    answers(view, monkeypatch, kind="choose", step=1)
    assert view.feature == "block2b_expand_conv__000"
    assert view._ends["column"] == -1


@pytest.mark.slow
def test_maps_have_one_scale(embedder, pictures, monkeypatch):
    view = FeatureInspector(embedder, pictures, n_images=2, feature="block2a_dwconv__007")
    ids = [one["id"] for one in (*view._ends["highest"], *view._ends["lowest"])]
    assert answers(view, monkeypatch, kind="maps", feature="another", ids=ids) == []
    ((message, buffers),) = answers(
        view, monkeypatch, kind="maps", feature=view.feature, ids=ids
    )
    assert (message["ids"], message["why"]) == (ids, "")
    shown = np.asarray(Image.open(io.BytesIO(buffers[0])).convert("RGB")).astype(float)
    display = view._overlays.display(ids[0])
    own = display.pixels(limits=view._overlays.limits(ids)).astype(float)
    assert np.abs(shown - own).mean() < 4  # what JPEG loses
    assert view._overlays.limits(ids)[1] >= display.limits[1]
    assert [ax.get_title() for ax in view.figure().axes[:1]] == [
        f"{view.found.highest['value'].iloc[0]:.3g}"
    ]
    assert "image/png" in view._repr_mimebundle_()[0]


@pytest.mark.parametrize("layers", ["all", "embedding"])
def test_a_vector_has_no_map(pictures, monkeypatch, layers):
    import keras

    image = keras.Input((24, 24, 3))
    dense = keras.layers.Dense(5, name="dense")(keras.layers.Flatten()(image))
    backbone = backbones.from_model(keras.Model(image, dense, name="flat"))
    embedder = PretrainedEmbedder(backbone, layers=layers, engine="jax")
    view = FeatureInspector(embedder, pictures[:3], n_images=1)
    ((message, buffers),) = answers(
        view, monkeypatch, kind="maps", feature=view.feature, ids=[0]
    )
    assert "places" in message["why"]
    assert buffers == []
    assert "has no places" in view.figure().get_suptitle()


def test_line_and_refusals(embedder, classifier, pictures, labels):
    view = FeatureInspector(classifier, pictures, labels, image=2)
    assert (
        view.embed_line()
        == f"%embed features estimator X -y y --feature {view.feature} --image 2"
    )
    view.feature, view.image = 1, -1
    assert view.embed_line() == f"%embed features estimator X -y y --feature {view.feature}"
    assert repr(view).startswith(f"FeatureInspector({view.feature}, 12 images, ")
    with pytest.raises(ValueError, match="X has 12 images"):
        view.image = 12
    with pytest.raises(ValueError, match="the embedder has"):
        view.feature = 100_000
    with pytest.raises(ValueError, match="12 images, and y 3 labels"):
        FeatureInspector(embedder, pictures, labels[:3])
    with pytest.raises(TypeError, match="expected a fitted Pipeline"):
        FeatureInspector(3, pictures)
