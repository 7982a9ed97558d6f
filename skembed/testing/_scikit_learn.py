"""Those of scikit-learn's own checks that need no data, called directly.

They are importable names of :mod:`sklearn.utils.estimator_checks`, which documents none of them
one by one; one that another version lacks is skipped, with that reason.
"""

from __future__ import annotations

from unittest import SkipTest

import sklearn
from sklearn.utils import estimator_checks

from ._case import Case

NAMES = (
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


def run_scikit_learn_check(name: str, case: Case) -> None:
    """Run the check of that name."""
    check = getattr(estimator_checks, name, None)
    if check is None:
        raise SkipTest(f"scikit-learn {sklearn.__version__} has no {name}.")
    if name == "check_param_validation" and not hasattr(
        case.estimator, "_parameter_constraints"
    ):
        raise SkipTest("The estimator declares no _parameter_constraints.")
    check(type(case.estimator).__name__, case.new())
