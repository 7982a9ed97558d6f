"""Which image to label next, by statements of its own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skembed.evaluation import make_classifier
from skembed.inspection import next_to_label


def test_uncertain_comes_first():
    X = np.linspace(-1, 1, 21)[:, None]
    labels = np.full(21, None, dtype=object)
    labels[[0, -1]] = "left", "right"
    assert set(next_to_label(X, labels, 3)) == {9, 10, 11}


def test_diverse_takes_the_middle_and_then_the_farthest():
    X = np.array([[0.0, 0], [0.1, 0], [4, 0], [10, 0], [10, 9]])
    labels = [None] * 5
    assert next_to_label(X, labels, 5, strategy="diverse").tolist() == [2, 4, 3, 0, 1]
    labels[4] = "a"  # one class: not yet uncertain
    assert next_to_label(X, labels, 1).tolist() == [0]


def test_random_takes_those_without_a_label():
    labels = np.array([None, "a", None, float("nan")], dtype=object)
    found = next_to_label(np.eye(4), labels, 9, strategy="random")
    assert sorted(found) == [0, 2, 3]


def test_uncertain_images_teach_more_than_random_ones():
    digits = load_digits()
    accuracy = {}
    for strategy in ("uncertain", "random"):
        labels = np.full(600, None, dtype=object)
        for _ in range(12):
            i = next_to_label(digits.data[:600], labels, 5, strategy=strategy)
            labels[i] = digits.target[i]
        known = [one is not None for one in labels]
        clf = make_classifier().fit(digits.data[:600][known], labels[known].astype(int))
        accuracy[strategy] = clf.score(digits.data[600:], digits.target[600:])
    assert accuracy["uncertain"] > accuracy["random"]


def test_refusals():
    with pytest.raises(ValueError, match="Did you mean 'uncertain'"):
        next_to_label(np.eye(2), [None, None], strategy="uncertian")
    with pytest.raises(ValueError, match="2 rows of X and 3 labels"):
        next_to_label(np.eye(2), [None] * 3)
    with pytest.raises(ValueError, match="n must be an int of 0 or more, got -1"):
        next_to_label(np.eye(2), [None] * 2, -1)  # which would leave out the last
