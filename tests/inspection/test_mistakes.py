"""Which images were taken for another class, and which labels are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from on_jax import FullNetworkEmbedder, PretrainedEmbedder
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed.inspection import confusions, label_suspects

FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)


@pytest.fixture(scope="module")
def files(photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    paths = [str(folder / f"{i}.png") for i in range(12)]
    for path, image in zip(paths, photographs[0], strict=True):
        Image.fromarray(image).save(path)
    return paths


def test_a_fitted_classifier_predicts_as_it_is(photographs, standardised, files):
    _, y = photographs
    wrong = y.copy()
    wrong[[2, 7]] = "red"  # which were blue and green
    found = confusions(standardised, files, wrong)
    assert sorted(found.errors.index) == [2, 7]
    assert found.errors.loc[7].drop("score").tolist() == [files[7], "red", "green"]
    decisions = standardised.decision_function(files)
    excess = dict(zip((2, 7), decisions[[2, 7], [0, 1]] - decisions[[2, 7], 2], strict=True))
    for row, score in excess.items():
        assert found.errors["score"][row] == pytest.approx(score)
    assert found.errors["score"].is_monotonic_decreasing
    np.testing.assert_array_equal(found.matrix, confusion_matrix(wrong, y))
    assert found.predictions["predicted"].tolist() == y.tolist()
    assert found.pairs["times"].sum() == 2


def test_cross_validated_predictions_are_scikit_learn_s(network, files, photographs):
    """What a full-network embedder learns is learnt in each fold anew, from its images alone."""
    y = np.roll(photographs[1], 1)
    y[:4] = ["red", "red", "blue", "green"]
    clf = make_pipeline(FullNetworkEmbedder(network), LogisticRegression())
    found = confusions(clf, files, y, cv=3)
    expected = cross_val_predict(clf, files, y, cv=FOLDS)
    assert found.predictions["predicted"].tolist() == expected.tolist()
    assert found.errors.index.isin(np.flatnonzero(expected != y)).all()


def test_a_wrong_label_is_the_first_suspect(network, files, photographs):
    y = photographs[1].copy()
    assert y[5] == "blue"
    y[5] = "green"
    for clf in (
        make_pipeline(PretrainedEmbedder(network), StandardScaler(), LogisticRegression()),
        make_pipeline(FullNetworkEmbedder(network), RandomForestClassifier(20, random_state=0)),
    ):
        found = label_suspects(clf, files, y, cv=3)
        assert found.index[0] == 5
        first = found.iloc[0]
        assert first[["image", "label", "suggested"]].tolist() == [files[5], "green", "blue"]
        assert 0 <= first["probability"] < first["suggested_probability"] <= 1
        margins = found["suggested_probability"] - found["probability"]
        assert margins.is_monotonic_decreasing
        assert found.attrs["notes"] == []


def test_positions_are_those_of_x_where_images_are_left_out(network, files, photographs):
    y = photographs[1].copy()
    y[5] = "green"
    items = [files[0], b"no image", *files[1:]]
    labels = np.insert(y, 1, "red")
    embedder = PretrainedEmbedder(network, on_error="nan")
    clf = make_pipeline(embedder, StandardScaler(), LogisticRegression())
    found = label_suspects(clf, items, labels, cv=3)
    assert found.index[0] == 6
    assert found["image"].iloc[0] == files[5]
    assert found.attrs["notes"][0].startswith("Left out, for they could not be read: 1 of 13")
    predictions = confusions(clf, items, labels, cv=3).predictions
    assert 1 not in predictions.index
    assert len(predictions) == 12


def test_mistakes_are_told(network, files, photographs, standardised):
    _, y = photographs
    clf = make_pipeline(PretrainedEmbedder(network), LogisticRegression())
    with pytest.raises(NotFittedError):
        confusions(clf, files, y)
    with pytest.raises(ValueError, match="'yellow', a class that clf was not fitted on"):
        confusions(standardised, files, np.where(y == "red", "yellow", y))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        label_suspects(clf, files, y[:-1])
    for missing in (None, np.nan):  # which an array of text would hold as a class
        with pytest.raises(ValueError, match=f"1 labels are missing; .* row {len(y) - 1}"):
            label_suspects(clf, files, [*y[:-1], missing])
