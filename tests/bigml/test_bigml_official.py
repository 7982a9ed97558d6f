"""The official models give the answers that BigML published with them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from deepnets import classifier, dense, official

from skembed.bigml import DeepnetClassifier, DeepnetRegressor, create_model

CLOSE = {"rtol": 0, "atol": 1e-6}


@pytest.mark.slow
def test_all_rows_of_all_models(shared):
    """As rows, and as frames through the estimators, which run the same network."""
    models = official(shared)
    assert (len(models), sum(len(one["inputs"]) for one in models)) == (20, 336)
    for one in models:
        rows, expected = one["inputs"], np.array(one["expected"])
        deepnet = create_model(one["model"])
        np.testing.assert_allclose(deepnet(rows), expected, **CLOSE, err_msg=one["name"])
        frame = pd.DataFrame(rows)
        if deepnet.kind == "numeric":
            found = DeepnetRegressor(one["model"]).predict(frame)
            np.testing.assert_allclose(found, expected[:, 0], **CLOSE)
        else:
            estimator = DeepnetClassifier(one["model"])
            np.testing.assert_allclose(estimator.predict_proba(frame), expected, **CLOSE)
            best = estimator.classes_[expected.argmax(axis=1)]
            assert estimator.predict(frame).tolist() == best.tolist()


@pytest.mark.slow
def test_forests_give_the_published_features(shared):
    """What the layers take is shown by a layer that changes nothing."""
    text = (shared / "models/bigml/validation.json").read_text()
    cases = json.loads(text)["embedding"]
    assert len(cases) == 6
    for case in cases:
        plain, expected = np.array(case["without_trees"]), np.array(case["with_trees"])
        for answers, trees in ((plain, None), (expected, case["trees"])):
            spec = classifier(1, [dense(np.eye(answers.shape[1]))], answers.shape[1])
            spec |= {"preprocess": case["preprocess"], "trees": trees}
            if trees is not None or case is cases[0]:
                np.testing.assert_allclose(
                    create_model(spec)(case["input_data"]), answers, **CLOSE
                )


@pytest.mark.slow
def test_a_whole_document_tells_its_columns(shared):
    folder = shared / "models" / "bigml"
    deepnet = DeepnetRegressor(folder / "image_and_category.json")
    assert deepnet.feature_names_in_.tolist() == ["image_id", "label"]
    picture = str(folder / "images" / "d3_10.png")
    rows = [[picture, "f1"], [picture, "f2"], [None, "no such value"]]
    frame = pd.DataFrame(rows, columns=["image_id", "label"])[["label", "image_id"]]
    answers = create_model(folder / "image_and_category.json")(rows)
    assert answers.shape == (3, 1)
    assert len(np.unique(answers)) == 3
    np.testing.assert_array_equal(deepnet.predict(frame), answers[:, 0])
    with pytest.raises(ValueError, match=r"no column 'label'\. Did you mean 'Label'"):
        deepnet.predict(frame.rename(columns={"label": "Label"}))


def test_text_model_batch_equals_rows(shared):
    deepnet = create_model(shared / "models/bigml/text_model.json")
    rows = np.random.default_rng(0).poisson(0.02, (20, 641))
    answers = deepnet(rows)
    assert answers.shape == (20, 2)
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(deepnet(rows.tolist()), answers, **CLOSE)
    np.testing.assert_allclose(deepnet(rows[3].tolist()), answers[3:4], **CLOSE)
    np.testing.assert_allclose(deepnet(rows[3]), answers[3:4], **CLOSE)
