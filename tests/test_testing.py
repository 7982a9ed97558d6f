"""The checks pass what is right, and each of them catches what it is there for."""

from __future__ import annotations

import functools
import pickle
import sys

import numpy as np
import pytest
import wrong_image_estimators as wrong
from image_estimators import (
    CentredColour,
    MeanColour,
    MeanForUnreadable,
    NearestColour,
    default_images,
    encoded_images,
)
from sklearn.exceptions import EstimatorCheckFailedWarning
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator

from skembed.testing import check_image_estimator, image_estimator_checks

_BROKEN = {
    wrong.DropsUnreadable(): "check_image_unreadable",
    wrong.ZeroForUnreadable(): "check_image_unreadable",
    wrong.SaysNotWhichRow(): "check_image_unreadable",
    wrong.WarnsNotWhichRow(): "check_image_unreadable",
    wrong.LearnsFromUnreadable(): "check_image_unreadable_in_fit",
    wrong.CentresOnTheBatch(): "check_image_subset_invariance",
    wrong.StandardisesByTestSet(): "check_image_subset_invariance",
    wrong.AddsThePosition(): "check_image_order_invariance",
    wrong.MergesRepeated(): "check_image_repeated",
    wrong.FlatForOne(): "check_image_n_rows",
    wrong.GivesNaN(): "check_image_dtype",
    wrong.GivesObjects(): "check_image_dtype",
    wrong.WritesToImages(): "check_image_leaves_x_alone",
    wrong.MutatesAParameter(options={}): "check_image_fit_keeps_parameters",
    wrong.ReplacesAParameter(): "check_image_fit_keeps_parameters",
    wrong.AddsAPublicAttribute(): "check_image_fit_keeps_parameters",
    wrong.SetsAnAttributeInInit(): "check_no_attributes_set_in_init",
    wrong.ChecksInInit(): "check_do_not_raise_errors_in_init_or_set_params",
    wrong.MixinComesLast(): "check_mixin_order",
    wrong.ChecksNoParameter(): "check_param_validation",
    wrong.ReturnsNothingFromFit(): "check_image_fit_returns_self",
    wrong.LearnsMoreEachFit(): "check_image_fit_idempotent",
    wrong.CountsItsCalls(): "check_image_transform_keeps_state",
    wrong.FitTransformDiffers(): "check_image_fit_transform",
    wrong.SaysStatelessAndLearns(): "check_image_unfitted",
    wrong.SaysItLearnsAndIsStateless(): "check_image_feature_names_before_fit",
    wrong.CarriesItsNetwork(): "check_image_pickle",
    wrong.CannotBePickled(): "check_image_joblib",
    wrong.ForgetsWhenPickled(): "check_image_skops",
    wrong.ClonesWithoutParameters(scale="grey"): "check_image_clone",
    wrong.TakesListsOnly(): "check_image_object_array",
    wrong.TakesTheColumnNameForAnImage(): "check_image_column_transformer_pandas",
    wrong.RepeatsAName(): "check_image_feature_names",
    wrong.NamesTooFew(): "check_image_feature_names",
    wrong.HasNoNames(): "check_image_feature_names",
    wrong.LosesTheIndex(): "check_image_set_output_pandas",
    wrong.TakesALoneImage(): "check_image_lone_image",
    wrong.TakesATable(): "check_image_table_of_numbers",
    wrong.TakesNothing(): "check_image_empty",
}


def _failed(estimator, images=None) -> set[str]:
    records = check_image_estimator(estimator, images, on_fail=None)
    return {record["check_name"] for record in records if record["status"] == "failed"}


@functools.cache  # each is checked in a test of its own, and all of them together
def _failed_of_broken(estimator) -> set[str]:
    return _failed(estimator)


@pytest.mark.parametrize("check", image_estimator_checks(MeanColour(), encoded_images()))
def test_a_right_stateless_transformer(check):
    check()


@pytest.mark.parametrize("check", image_estimator_checks(CentredColour(), encoded_images()))
def test_a_right_transformer_that_learns(check):
    check()


@pytest.mark.parametrize("check", image_estimator_checks(MeanForUnreadable(), encoded_images()))
def test_a_right_transformer_that_fills_in(check):
    check()


def test_a_right_transformer_on_the_default_images():
    records = check_image_estimator(MeanColour("grey", {"any": 1}))
    skipped = {r["check_name"]: str(r["exception"]) for r in records if r["status"] != "passed"}
    assert list(skipped) == ["check_image_pyarrow"]
    assert "paths and bytes" in skipped["check_image_pyarrow"]


def test_a_right_classifier():
    records = check_image_estimator(NearestColour(), y=["a", "b", "c", "a", "b", "c"])
    passed = {record["check_name"] for record in records if record["status"] == "passed"}
    assert {"check_image_subset_invariance", "check_image_cross_validation"} <= passed
    assert "check_image_feature_names" not in passed
    assert {record["status"] for record in records} == {"passed", "skipped"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "check"), _BROKEN.items(), ids=[type(e).__name__ for e in _BROKEN]
)
def test_a_wrong_one_is_caught_by_the_check_for_it(estimator, check):
    assert check in _failed_of_broken(estimator)


@pytest.mark.slow
def test_every_image_check_catches_something_and_no_right_estimator():
    caught = set().union(*(_failed_of_broken(estimator) for estimator in _BROKEN))
    caught |= _failed(wrong.TakesListsOnly(), encoded_images())  # pyarrow's columns
    names = {check.check_name for check in image_estimator_checks(MeanColour())}
    assert {name for name in names - caught if name.startswith("check_image")} == set()


def test_scikit_learn_s_own_check_finds_none_of_this():
    with pytest.warns(UserWarning, match="Can't test estimator"):
        records = check_estimator(wrong.DropsUnreadable())
    assert [record["check_name"] for record in records] == ["check_estimator_cloneable"]


def test_a_failure_raises():
    with pytest.raises(AssertionError, match=r"b'not an image' in row 2 of X is accepted"):
        check_image_estimator(wrong.ZeroForUnreadable())


def test_a_failure_warns():
    with pytest.warns(EstimatorCheckFailedWarning, match="check_image_repeated") as caught:
        records = check_image_estimator(wrong.MergesRepeated(), on_fail="warn")
    assert len(caught) == 1
    assert sum(record["status"] == "failed" for record in records) == 1


def test_records_have_scikit_learn_s_keys():
    ours = check_image_estimator(wrong.MergesRepeated(), on_fail=None)
    with pytest.warns(UserWarning, match="Can't test estimator"):
        theirs = check_estimator(MeanColour())
    assert all(set(record) == set(theirs[0]) for record in ours)
    failed = next(record for record in ours if record["status"] == "failed")
    assert isinstance(failed["exception"], AssertionError)
    assert failed["estimator"].__class__ is wrong.MergesRepeated


def test_an_expected_failure_is_no_failure():
    expected = {"check_image_repeated": "equal images are merged on purpose"}
    records = check_image_estimator(wrong.MergesRepeated(), expected_failed_checks=expected)
    xfail = [record for record in records if record["status"] == "xfail"]
    assert [record["check_name"] for record in xfail] == ["check_image_repeated"]
    assert xfail[0]["expected_to_fail_reason"] == "equal images are merged on purpose"


def test_the_estimator_itself_is_never_fitted():
    estimator = CentredColour()
    check_image_estimator(estimator)
    assert not hasattr(estimator, "mean_")


class _Noisy(MeanColour):
    """Off by a part in a million, a different one on each call."""

    def _rows(self, images):
        rows = super()._rows(images)
        return rows * (1 + 1e-6 * np.random.default_rng().random(rows.shape))


class _Random(_Noisy):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


def test_equal_is_equal_to_the_bit_unless_a_tolerance_is_given():
    assert "check_image_fit_idempotent" in _failed(_Noisy())
    check_image_estimator(_Noisy(), rtol=1e-5)
    records = check_image_estimator(_Noisy(), rtol=1e-8, on_fail=None)
    assert "failed" in {record["status"] for record in records}


def test_chance_that_the_tags_admit_is_skipped():
    records = {r["check_name"]: r for r in check_image_estimator(_Random())}
    assert records["check_image_fit_idempotent"]["status"] == "skipped"
    assert records["check_image_n_rows"]["status"] == "passed"


def test_the_size_of_a_pickle_can_be_chosen():
    assert len(pickle.dumps(wrong.CarriesItsNetwork().fit(default_images()))) > 100_000
    check_image_estimator(wrong.CarriesItsNetwork(), max_pickle_size=300_000)
    assert "check_image_pickle" in {
        record["check_name"]
        for record in check_image_estimator(MeanColour(), max_pickle_size=10, on_fail=None)
        if record["status"] == "failed"
    }


_WITHOUT = """
import sys
def is_absent(name):
    return name.partition(".")[0] == {library!r}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if is_absent(name):
            raise ModuleNotFoundError(name)
for name in filter(is_absent, list(sys.modules)):
    del sys.modules[name]
sys.meta_path.insert(0, Absent())
import image_estimators as models
from skembed.testing import check_image_estimator
for record in check_image_estimator(models.MeanColour(), models.encoded_images()):
    if record["status"] == "skipped":
        print(record["check_name"], record["exception"])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "checks"),
    [
        ("pandas", ["pandas", "set_output_pandas", "column_transformer_pandas"]),
        ("polars", ["polars", "set_output_polars", "column_transformer_polars"]),
        ("pyarrow", ["pyarrow"]),
        ("skops", ["skops"]),
    ],
)
def test_a_library_that_is_not_installed_is_a_reason_to_skip(
    library, checks, python, without_jax
):
    # pandas is another without pyarrow, and forks have imported it.
    run = python if library == "pyarrow" else without_jax
    skipped = run(_WITHOUT.format(library=library)).splitlines()
    assert skipped == [f"check_image_{name} {library} is not installed." for name in checks]


def test_a_check_that_this_scikit_learn_lacks_is_skipped(monkeypatch):
    monkeypatch.delattr(estimator_checks, "check_mixin_order")
    records = {r["check_name"]: r for r in check_image_estimator(MeanColour())}
    assert "has no check_mixin_order" in str(records["check_mixin_order"]["exception"])


def test_images_without_scikit_image_are_drawn(monkeypatch):
    photographs = default_images()
    monkeypatch.setitem(sys.modules, "skimage", None)
    drawn = default_images()
    assert [image.shape for image in drawn] == [image.shape for image in photographs]
    assert len({image.tobytes() for image in (*drawn, *photographs)}) == 12
    assert all(image.dtype == np.uint8 and image.std() > 20 for image in (*drawn, *photographs))
    check_image_estimator(MeanColour())


@pytest.mark.slow
def test_checks_hold_without_assertions(python):
    """``python -O`` removes every assert statement."""
    program = """
import wrong_image_estimators as wrong
from skembed.testing import check_image_estimator
records = check_image_estimator(wrong.MergesRepeated(), on_fail=None)
print([record["check_name"] for record in records if record["status"] == "failed"])
"""
    assert python(program, "-O") == "['check_image_repeated']"


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(TypeError, match=r"Give an instance, MeanColour\(\.\.\.\)"):
        check_image_estimator(MeanColour)
    with pytest.raises(ValueError, match="at least 4 images, got 2"):
        check_image_estimator(MeanColour(), default_images()[:2])
    with pytest.raises(
        ValueError, match="on_fail must be 'raise', 'warn' or None, got 'ignore'"
    ):
        check_image_estimator(MeanColour(), on_fail="ignore")
    with pytest.raises(ValueError, match=r"do not exist: \['check_image_colour'\]"):
        check_image_estimator(MeanColour(), expected_failed_checks={"check_image_colour": ""})
