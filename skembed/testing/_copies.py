"""Checks that copies, and what comes back from a file, give the same rows and are small."""

from __future__ import annotations

import io
import pickle
from typing import Any
from unittest import SkipTest

import joblib
from sklearn.base import clone

from ._case import Case, require


def check_image_clone(case: Case) -> None:
    """A clone has the same parameters, and fitted on the same images it gives the same rows."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    copied: Any = clone(estimator)
    got = case.output(case.fitted(estimator=copied), case.images)
    case.same(got, want, "A clone gives other rows.")
    # Of the estimator as it was given: case.fitted() is a clone already.
    again: Any = clone(case.estimator)
    before, after = case.estimator.get_params(), again.get_params()
    differ = [name for name in {*before, *after} if not _alike(before, after, name)]
    require(not differ, f"A clone has other values of the parameters {differ}.")


def check_image_pickle(case: Case) -> None:
    """Unfitted and fitted, it pickles small, and comes back giving the same rows."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    _small(case, pickle.dumps(case.new()), "unfitted")
    # After use: what was loaded or built meanwhile must not have crept in.
    data = pickle.dumps(estimator)
    _small(case, data, "fitted")
    got = case.output(pickle.loads(data), case.images)  # noqa: S301 - written two lines above
    case.same(got, want, "What comes back from pickle gives other rows.")


def check_image_joblib(case: Case) -> None:
    """``joblib.load`` of ``joblib.dump`` gives the same rows."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    file = io.BytesIO()
    joblib.dump(estimator, file)
    _small(case, file.getvalue(), "joblib-dumped")
    file.seek(0)
    case.same(case.output(joblib.load(file), case.images), want, "joblib gives other rows.")


def check_image_skops(case: Case) -> None:
    """A skops file, its untrusted types accepted, gives the same rows."""
    try:
        import skops.io
    except ImportError:
        raise SkipTest("skops is not installed.") from None
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    data = skops.io.dumps(estimator)
    _small(case, data, "skops-dumped")
    back: Any = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    case.same(case.output(back, case.images), want, "What comes back from skops differs.")


def _alike(before: dict[str, Any], after: dict[str, Any], name: str) -> bool:
    """Whether a parameter is there in both, and equal where it is a plain value."""
    if name not in before or name not in after:
        return False
    a, b = before[name], after[name]
    plain = isinstance(a, str | int | float | bool | tuple | None)
    return type(a) is type(b) and (not plain or a == b or a != a)  # noqa: PLR0124 - NaN


def _small(case: Case, data: bytes, kind: str) -> None:
    require(
        len(data) <= case.max_pickle_size,
        f"The {kind} estimator takes {len(data):,} bytes, more than max_pickle_size="
        f"{case.max_pickle_size:,}: does it carry a network?",
    )
