"""scikit-learn's checks for estimators on arrays, as pytest parameters."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_checks as ec

# Those that check_estimator leaves out, and that scikit-learn runs on its own transformers.
_BESIDES = (
    ec.check_param_validation,
    ec.check_set_output_transform,
    ec.check_set_output_transform_pandas,
    ec.check_set_output_transform_polars,
    ec.check_global_output_transform_pandas,
    ec.check_global_set_output_transform_polars,
    ec.check_transformer_get_feature_names_out,
    ec.check_transformer_get_feature_names_out_pandas,
    ec.check_get_feature_names_out_error,
)
# Skips itself where SCIPY_ARRAY_API is not set, and is for estimators that claim the array API.
_NOT_CLAIMED = {"check_array_api_input"}

NAMES_WARN = pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")


def with_every_check(*estimators: BaseEstimator) -> pytest.MarkDecorator:
    """Parametrise a test with (estimator, check): the whole `check_estimator`, and more.

    Those on frames fit on arrays what they transform as frames, and the other way round, which
    earns scikit-learn's warnings about feature names; NAMES_WARN lets these pass.
    """
    pairs: list[tuple[BaseEstimator, Any]] = []
    for estimator in estimators:
        pairs += list(ec.estimator_checks_generator(estimator))
        pairs += [(estimator, partial(check, type(estimator).__name__)) for check in _BESIDES]
    pairs = [pair for pair in pairs if _name(pair[1]) not in _NOT_CLAIMED]
    ids = [f"{estimator}-{_name(check)}" for estimator, check in pairs]
    return pytest.mark.parametrize(("estimator", "check"), pairs, ids=ids)


def with_scikit_learns_checks(*estimators: BaseEstimator) -> pytest.MarkDecorator:
    """Parametrise a test with (estimator, check) of `check_estimator`."""
    pairs = [
        pair
        for estimator in estimators
        for pair in ec.estimator_checks_generator(estimator)
        if _name(pair[1]) not in _NOT_CLAIMED
    ]
    ids = [f"{type(estimator).__name__}-{_name(check)}" for estimator, check in pairs]
    return pytest.mark.parametrize(("estimator", "check"), pairs, ids=ids)


def _name(check: Any) -> str:
    return check.func.__name__ if isinstance(check, partial) else check.__name__
