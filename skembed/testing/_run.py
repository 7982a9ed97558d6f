"""Run the checks one by one, or hand them to pytest."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import SkipTest

import sklearn
from sklearn.exceptions import EstimatorCheckFailedWarning
from sklearn.utils import estimator_checks

from . import _fitting as fitting
from . import _refusals as refusals
from . import _rows as rows
from ._case import Case

# Those of scikit-learn's own checks that need no data. It documents none of them one by one; one
# that another version lacks is skipped, with that reason.
_SCIKIT_LEARN_CHECKS = (
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_get_params_invariance",
    "check_set_params",
    "check_parameters_default_constructible",
    "check_param_validation",
)
_IMAGE_CHECKS: tuple[Callable[[Case], None], ...] = (
    fitting.check_image_fit_returns_self,
    fitting.check_image_fit_keeps_parameters,
    fitting.check_image_fit_idempotent,
    fitting.check_image_transform_keeps_state,
    fitting.check_image_unfitted,
    fitting.check_image_fit_transform,
    rows.check_image_n_rows,
    rows.check_image_dtype,
    rows.check_image_subset_invariance,
    rows.check_image_order_invariance,
    rows.check_image_repeated,
    rows.check_image_leaves_x_alone,
    fitting.check_image_clone,
    fitting.check_image_pickle,
    fitting.check_image_joblib,
    fitting.check_image_skops,
    rows.check_image_object_array,
    rows.check_image_pandas,
    rows.check_image_polars,
    rows.check_image_pyarrow,
    rows.check_image_feature_names,
    rows.check_image_feature_names_before_fit,
    rows.check_image_set_output_pandas,
    rows.check_image_set_output_polars,
    refusals.check_image_unreadable,
    refusals.check_image_unreadable_in_fit,
    refusals.check_image_lone_image,
    refusals.check_image_table_of_numbers,
    refusals.check_image_empty,
    fitting.check_image_pipeline,
    fitting.check_image_column_transformer_pandas,
    fitting.check_image_column_transformer_polars,
    fitting.check_image_cross_validation,
)


@dataclass(frozen=True)
class ImageCheck:
    """One check of one estimator; called, it runs.

    Parameters
    ----------
    check_name : str
        The check's name; its docstring says what must hold.
    case : Case
        The estimator and the images.
    run : callable
        Called with the case; raises if the check fails, ``unittest.SkipTest`` if it cannot run.

    Examples
    --------
    >>> from skembed import PretrainedEmbedder
    >>> from skembed.testing import image_estimator_checks
    >>> check = next(iter(image_estimator_checks(PretrainedEmbedder(image_size=32))))
    >>> check.check_name.startswith("check_")
    True
    """

    check_name: str
    case: Case
    run: Callable[[Case], None]

    def __call__(self) -> None:
        self.run(self.case)

    @property
    def __name__(self) -> str:
        """What pytest shows of a parametrised test."""
        return f"{type(self.case.estimator).__name__}-{self.check_name}"


def image_estimator_checks(
    estimator: Any,
    images: Sequence[Any] | None = None,
    *,
    y: Sequence[Any] | None = None,
    rtol: float = 0.0,
    atol: float = 0.0,
    max_pickle_size: int = 10_000,
) -> list[ImageCheck]:
    """Return the checks of :func:`check_image_estimator`, for ``pytest.mark.parametrize``.

    Nothing is computed before a check is called.

    Parameters
    ----------
    estimator : estimator
        As for :func:`check_image_estimator`, like all that follow.
    images : sequence of at least 4 images, optional
        What it takes.
    y : sequence of length n_images, optional
        Labels.
    rtol, atol : float, default=0.0
        By how much rows may differ.
    max_pickle_size : int, bytes, default=10 000
        Of the pickled estimator.

    Returns
    -------
    list of ImageCheck
        Each, called without arguments, raises if the check fails, or ``unittest.SkipTest``,
        which pytest takes for a skip, if it cannot run. pytest names tests after them.

    Examples
    --------
    In a test module::

        @pytest.mark.parametrize("check", image_estimator_checks(MyEmbedder()))
        def test_scikit_learn(check):
            check()

    >>> from skembed import PretrainedEmbedder
    >>> from skembed.testing import image_estimator_checks
    >>> image_estimator_checks(PretrainedEmbedder())[0].__name__
    'PretrainedEmbedder-check_estimator_cloneable'
    """
    if isinstance(estimator, type):
        raise TypeError(f"Give an instance, {estimator.__name__}(...), and not the class.")
    case = Case(estimator, images, y, rtol, atol, max_pickle_size)
    theirs = [
        ImageCheck(name, case, functools.partial(_run_scikit_learn_check, name))
        for name in _SCIKIT_LEARN_CHECKS
    ]
    return theirs + [ImageCheck(check.__name__, case, check) for check in _IMAGE_CHECKS]


def check_image_estimator(
    estimator: Any,
    images: Sequence[Any] | None = None,
    *,
    y: Sequence[Any] | None = None,
    expected_failed_checks: Mapping[str, str] | None = None,
    on_fail: str | None = "raise",
    rtol: float = 0.0,
    atol: float = 0.0,
    max_pickle_size: int = 10_000,
) -> list[dict[str, Any]]:
    """Check that an estimator on images keeps scikit-learn's contract.

    For any estimator whose X is a 1-d sequence of images, of any project. Such an estimator
    passes :func:`sklearn.utils.estimator_checks.check_estimator` without having been tried.
    This runs those of scikit-learn's checks that need no data, and states the others for
    images: what ``fit`` may change, one row for each image whatever its companions and its
    place, copies and files, containers, names, refusals, pipelines, cross-validation.

    Parameters
    ----------
    estimator : estimator
        An instance with ``transform``, or ``predict_proba``, ``decision_function`` or
        ``predict``. It is cloned, and itself never fitted.
    images : sequence of at least 4 images, optional
        Whatever the estimator takes; they should differ. By default six RGB uint8 arrays of
        36 to 52 pixels a side: crops of scikit-image's photographs where it is installed, else
        drawn by a formula.
    y : sequence of length n_images, optional
        A label for each, and each label twice at least; by default 0 and 1 in turn.
    expected_failed_checks : dict of str to str, optional
        From the name of a check that may fail to the reason why.
    on_fail : {"raise", "warn", None}, default="raise"
        Whether the first failure ends the run with its exception; or each gives an
        :class:`~sklearn.exceptions.EstimatorCheckFailedWarning`; or is only recorded.
    rtol, atol : float, default=0.0
        How far results that should be equal may differ; by default they are equal to the bit.
    max_pickle_size : int, default=10_000
        The most bytes that the estimator may pickle to: no network belongs into a pickle.

    Returns
    -------
    list of dict
        A record for each check, with the keys of scikit-learn's own: ``estimator``,
        ``check_name``, ``exception``, ``status`` (``"passed"``, ``"failed"``, ``"xfail"``, or
        ``"skipped"`` where a library is not installed or the check does not apply; `exception`
        says which), ``expected_to_fail`` and ``expected_to_fail_reason``.

    Raises
    ------
    TypeError
        If `estimator` is a class.
    ValueError
        If `on_fail`, or a name in `expected_failed_checks`, is not one of those above.
    Exception
        With ``on_fail="raise"``, what the first failing check raised.

    See Also
    --------
    image_estimator_checks : The same checks as pytest's parameters.
    sklearn.utils.estimator_checks.check_estimator : For estimators on tables.

    Examples
    --------
    >>> from skembed import PretrainedEmbedder
    >>> from skembed.testing import check_image_estimator
    >>> records = check_image_estimator(PretrainedEmbedder(image_size=32))
    >>> {record["status"] for record in records} <= {"passed", "skipped"}
    True
    """
    if on_fail not in ("raise", "warn", None):
        raise ValueError(f"on_fail must be 'raise', 'warn' or None, got {on_fail!r}.")
    settings: dict[str, Any] = {"rtol": rtol, "atol": atol, "max_pickle_size": max_pickle_size}
    checks = image_estimator_checks(estimator, images, y=y, **settings)
    expected = dict(expected_failed_checks or {})
    unknown = sorted(set(expected) - {check.check_name for check in checks})
    if unknown:
        raise ValueError(f"expected_failed_checks names checks that do not exist: {unknown}.")
    return [_record(check, expected.get(check.check_name), on_fail) for check in checks]


def _record(check: ImageCheck, reason: str | None, on_fail: str | None) -> dict[str, Any]:
    """Run a check and say how it went."""
    exception: Exception | None = None
    status = "passed"
    try:
        check()
    except SkipTest as skip:
        exception, status = skip, "skipped"
    # The estimator is another project's: whatever it raises is the finding.
    except Exception as error:
        if on_fail == "raise" and reason is None:
            raise
        exception, status = error, "failed" if reason is None else "xfail"
    record = {
        "estimator": check.case.estimator,
        "check_name": check.check_name,
        "exception": exception,
        "status": status,
        "expected_to_fail": reason is not None,
        "expected_to_fail_reason": reason or "Check is not expected to fail",
    }
    if status == "failed" and on_fail == "warn":
        warnings.warn(EstimatorCheckFailedWarning(**record), stacklevel=3)
    return record


def _run_scikit_learn_check(name: str, case: Case) -> None:
    """Run the check of that name."""
    check = getattr(estimator_checks, name, None)
    if check is None:
        raise SkipTest(f"scikit-learn {sklearn.__version__} has no {name}.")
    if name == "check_param_validation" and not hasattr(
        case.estimator, "_parameter_constraints"
    ):
        raise SkipTest("The estimator declares no _parameter_constraints.")
    check(type(case.estimator).__name__, case.new())
