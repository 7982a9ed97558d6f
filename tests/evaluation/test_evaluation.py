"""Cross-validation on features: folds, copies, what is said of the result."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from skembed.evaluation import cross_validate, make_classifier


@pytest.fixture
def example():
    """Rows of three classes that overlap, and names of files."""
    random = np.random.default_rng(0)
    labels = np.repeat(["cat", "dog", "elk"], (20, 12, 8))
    rows = random.normal(size=(40, 5)).astype(np.float32)
    rows[:, 0] += np.repeat([0, 1, 2], (20, 12, 8))
    return rows, labels, [f"{i:02}.jpg" for i in range(40)]


def test_scores_and_predictions_are_scikit_learn_s(example):
    rows, labels, names = example
    found = cross_validate(rows, labels, items=names)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(make_classifier(), rows, labels, cv=folds)
    predicted = cross_val_predict(make_classifier(), rows, labels, cv=folds)
    np.testing.assert_array_equal(found.scores, scores)
    np.testing.assert_array_equal(found.predicted, predicted)
    assert found.accuracy_line().startswith(f"{scores.mean():.3f} ± {scores.std(ddof=1):.3f} ")
    assert found.baseline == 0.5
    assert found.notes == ()


def test_confusions_errors_and_recalls_tell_the_same(example):
    rows, labels, names = example
    found = cross_validate(rows, labels, items=names)
    wrong = labels != found.predicted
    assert 0 < wrong.sum() < len(labels)
    assert sum(times for *_, times in found.confusions) == wrong.sum()
    assert [times for *_, times in found.confusions] == sorted(
        (times for *_, times in found.confusions), reverse=True
    )
    assert {name for name, *_ in found.errors} == set(np.array(names)[wrong])
    excess = [value for *_, value in found.errors]
    assert excess == sorted(excess, reverse=True)
    assert min(excess) > 0
    assert (found.excess[~wrong] == 0).all()
    recalled = sum(recall * images for _, recall, images in found.recalls)
    assert recalled == pytest.approx((~wrong).sum())


def test_without_names_nothing_is_named(example):
    rows, labels, names = example
    rows[1] = rows[0]
    assert cross_validate(rows, labels, items=names).copies == [names[:2]]
    found = cross_validate(rows, labels)
    assert found.copies == found.errors == []
    assert found.notes[0].startswith("Exact copies of other images: 1.")


def test_groups_are_never_in_train_and_test(example):
    """Each group is one point, which a neighbour in the training rows would give away."""
    rows, labels, _ = example
    groups = np.arange(40) // 2
    random = np.random.default_rng(1)
    rows = random.normal(size=(20, 40)).astype(np.float32)[groups]
    labels = random.choice(["cat", "dog"], 20)[groups]
    leaking = cross_validate(rows, labels, groups=np.arange(40))
    apart = cross_validate(rows, labels, groups=groups)
    assert leaking.scores.mean() > 0.8 > apart.scores.mean()
    np.testing.assert_array_equal(cross_validate(rows, labels).scores, apart.scores)


def test_rows_of_nan_become_the_mean_of_the_training_rows(example):
    rows, labels, _ = example
    rows[3] = np.nan
    found = cross_validate(rows, labels)
    assert np.isfinite(found.scores).all()
    assert found.predicted[3] in labels


def test_classes_too_small_are_refused(example):
    rows, labels, _ = example
    with pytest.raises(ValueError, match="of 1 class"):
        cross_validate(rows[:5], labels[:5])
    with pytest.raises(ValueError, match="The class 'dog' has one image"):
        cross_validate(rows[:21], labels[:21])
    few = cross_validate(rows[:23], labels[:23])
    assert few.notes == ("3 folds instead of 5: the class 'dog' can be in no more.",)
    assert len(few.scores) == 3


def test_near_duplicates_in_different_folds_are_told():
    """Classes that say nothing: only who has seen nearly the same image knows its class."""
    random = np.random.default_rng(0)
    rows = np.repeat(random.standard_normal((40, 100)), 2, axis=0)
    rows += 1e-3 * random.standard_normal(rows.shape)
    labels = np.repeat(random.permutation(np.repeat(["cat", "dog"], 20)), 2)
    names = [f"{i}.jpg" for i in range(80)]
    found = cross_validate(rows, labels, items=names)
    (note,) = found.notes
    said = re.fullmatch(
        r"Near-duplicates lie in different folds: (\d+) images in (\d+) groups, such as (\d+).jpg "
        r"and (\d+).jpg. skembed.near_duplicates lists them. Kept together, accuracy is "
        r"(0.\d+), lower by (0.\d+).",
        note,
    )
    assert said, note
    n_images, n_groups, one, other = map(int, said.groups()[:4])
    assert n_images == 2 * n_groups > 40
    assert one // 2 == other // 2
    together, lower = float(said[5]), float(said[6])
    assert together + lower == pytest.approx(found.scores.mean(), abs=1e-3)
    assert together < 0.7 < found.scores.mean()
    kept = cross_validate(rows, labels, groups=np.repeat(np.arange(40), 2))
    assert kept.notes == ()
    assert kept.scores.mean() == pytest.approx(together, abs=0.15)


def test_more_near_duplicates_than_find_room_are_told_and_no_error(monkeypatch):
    monkeypatch.setattr("skembed.search._exact._MAX_PAIRS", 50)
    random = np.random.default_rng(0)
    rows = random.normal(size=(2, 128)).repeat(20, axis=0) + random.normal(size=(40, 128)) / 1e3
    labels = np.tile(["cat", "dog"], 20)
    found = cross_validate(rows.astype(np.float32), labels)
    assert len(found.scores) == 5
    assert any("were not compared with the folds" in note for note in found.notes)


@pytest.mark.parametrize(
    "classifier",
    [
        SVC(kernel="linear"),
        GridSearchCV(SVC(), {"C": [1.0, 10.0]}, cv=2),
        GaussianNB(),
    ],
)
def test_any_classifier_is_judged_by_what_it_predicts(classifier, example):
    rows, labels, _ = example
    found = cross_validate(rows, labels, classifier=classifier)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    np.testing.assert_array_equal(
        found.predicted, cross_val_predict(classifier, rows, labels, cv=folds)
    )
    np.testing.assert_array_equal(
        found.scores, cross_val_score(classifier, rows, labels, cv=folds)
    )


@pytest.mark.slow
def test_a_threshold_of_the_classifier_counts(example):
    rows, labels, _ = example
    rows, labels = rows[:32], labels[:32]
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    predicted = []
    for threshold in (0.3, 0.8):
        classifier = FixedThresholdClassifier(LogisticRegression(), threshold=threshold)
        found = cross_validate(rows, labels, classifier=classifier)
        np.testing.assert_array_equal(
            found.predicted, cross_val_predict(classifier, rows, labels, cv=folds)
        )
        predicted.append(found.predicted)
    assert (predicted[0] != predicted[1]).any()


def test_decisions_for_pairs_of_classes_are_refused(example):
    """Three classes have three pairs: nothing but the parameter tells."""
    rows, labels, _ = example
    classifier = SVC(decision_function_shape="ovo")
    with pytest.raises(ValueError, match="decision_function_shape='ovr'"):
        cross_validate(rows, labels, classifier=classifier)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"labels": ["cat"] * 39},
            "40 images and 39 labels",
        ),
        ({"groups": [0, 1]}, r"groups has the shape \(2,\)"),
        ({"rows": np.zeros(40)}, r"rows has the shape \(40,\)"),
        (
            {"labels": ["cat", "dog", None, "dog"] * 10},
            "10 labels are missing; .* row 2",
        ),
        (
            {"labels": [0.0, np.nan, 1.0, 1.0] * 10},
            "10 labels .* row 1",
        ),
        ({"labels": ["cat", "dog", np.nan, "dog"] * 10}, "10 labels .* row 2"),
        ({"labels": np.zeros((40, 2))}, r"Labels have the shape \(40, 2\)"),
        ({"n_folds": 1}, "int of 2 or more, got 1"),
        ({"n_folds": 2.5}, "int of 2 or more, got 2.5"),
        ({"labels": ["cat"] * 40}, "1 class"),
    ],
)
def test_what_does_not_fit_is_named(example, changed, says):
    rows, labels, _ = example
    with pytest.raises(ValueError, match=says):
        cross_validate(**{"rows": rows, "labels": labels, **changed})
