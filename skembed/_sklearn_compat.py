"""Private names of scikit-learn, which no other module imports.

Where another version has moved or renamed one of these, this module is what has to change.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from sklearn.utils._set_output import _get_output_config

from ._errors import did_you_mean

__all__ = [
    "CommentedRepr",
    "EstimatorMixin",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Options",
    "StrOptions",
    "check_default_output",
    "fit_context",
]


def check_default_output(estimator: Any) -> None:
    """Refuse `set_output` where rows are lazy: it would compute them all to make a frame.

    Raises
    ------
    ValueError
        The message says what to do.
    """
    asked = _get_output_config("transform", estimator)["dense"]
    if asked != "default":
        raise ValueError(
            f"set_output(transform={asked!r}) makes a data frame, and of a dask collection the "
            "rows are a lazy dask array: call set_output(transform='default'), or compute X first."
        )


class EstimatorMixin:
    """What all estimators here add to scikit-learn's: it stands before them in the bases.

    The HTML representation links to the estimator's page in the documentation, and the error of a
    parameter that is none of a few names has the nearest of them.
    """

    _doc_link_module = "skembed"
    _doc_link_template = (
        "https://skembed.readthedocs.io/en/stable/api/skembed.{estimator_name}.html"
    )
    _parameter_constraints: dict[str, Any]

    def _validate_params(self) -> None:
        try:
            super()._validate_params()  # type: ignore[misc] - BaseEstimator's
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{error}{self._nearest(str(error))}") from None

    def _nearest(self, message: str) -> str:
        for name, rules in self._parameter_constraints.items():
            value = getattr(self, name)
            options = [r.options for r in rules if isinstance(r, StrOptions)]
            if f"The {name!r} parameter" in message and isinstance(value, str) and options:
                return f" {did_you_mean(value, sorted(options[0]))}"
        return ""


class CommentedRepr:
    """The ``__repr__`` of a class of estimators: scikit-learn's text, and a comment after it.

    scikit-learn breaks the lines of an estimator, and of one inside another, only where
    ``type(estimator).__repr__`` is its own. So it is on the class. What a pipeline prints of its
    steps is therefore scikit-learn's, and the comment is in the text of the estimator alone.

    Parameters
    ----------
    comment : callable
        It takes the estimator and returns the comment, or ``""``.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> class Commented(Ridge):
    ...     __repr__ = CommentedRepr(lambda ridge: "a comment")
    >>> Commented(alpha=2)
    Commented(alpha=2)  # a comment
    >>> make_pipeline(Commented(alpha=2))
    Pipeline(steps=[('commented', Commented(alpha=2))])
    """

    def __init__(self, comment: Callable[[Any], str]):
        self._comment = comment

    def __get__(self, estimator: Any, owner: type | None = None) -> Callable[..., str]:
        if estimator is None:
            return BaseEstimator.__repr__
        return functools.partial(self._text, estimator)

    def _text(self, estimator: Any, N_CHAR_MAX: int = 700) -> str:
        text = BaseEstimator.__repr__(estimator, N_CHAR_MAX)
        comment = self._comment(estimator)
        return f"{text}  # {comment}" if comment else text
