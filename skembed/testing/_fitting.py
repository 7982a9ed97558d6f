"""Checks of ``fit``, and of what happens without it."""

from __future__ import annotations

from typing import Any

import joblib
from sklearn.exceptions import NotFittedError

from ._case import Case, require


def check_image_fit_returns_self(case: Case) -> None:
    """``fit`` returns the estimator it was called on."""
    estimator = case.new()
    require(estimator.fit(case.images, case.y) is estimator, "fit does not return self.")


def check_image_fit_idempotent(case: Case) -> None:
    """A second ``fit`` on the same images changes no result."""
    estimator = case.fitted()
    first = case.output(estimator, case.images)
    case.same(first, case.output(estimator, case.images), "The same call gives another result.")
    again = case.output(case.fitted(estimator=estimator), case.images)
    case.same(again, first, "Results change after a second fit on the same images.")


def check_image_fit_keeps_parameters(case: Case) -> None:
    """``fit`` neither replaces nor mutates a parameter, and adds no public attribute."""
    estimator = case.new()
    before = _parameters(estimator)
    attributes = set(vars(estimator))
    estimator.fit(case.images, case.y)
    after = _parameters(estimator)
    changed = [name for name, value in before.items() if after.get(name) != value]
    require(not changed, f"fit changes the parameters {changed}.")
    added = [name for name in set(vars(estimator)) - attributes if _is_public(name)]
    require(not added, f"fit adds public attributes that do not end in an underscore: {added}.")


def check_image_transform_keeps_state(case: Case) -> None:
    """Using the estimator changes nothing that it stores."""
    estimator = case.fitted()
    before = {name: joblib.hash(value) for name, value in vars(estimator).items()}
    case.output(estimator, case.images)
    after = {name: joblib.hash(value) for name, value in vars(estimator).items()}
    changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    require(not changed, f"{case.method} changes the attributes {changed}.")


def check_image_unfitted(case: Case) -> None:
    """Before ``fit``, a stateless estimator works and any other raises NotFittedError."""
    estimator = case.new()
    if not case.tags.requires_fit:
        want = case.output(case.fitted(), case.images)
        what = f"{case.method} before fit differs, though the tag requires_fit is False."
        case.same(case.output(estimator, case.images), want, what)
        return
    try:
        case.output(estimator, case.images)
    except NotFittedError:
        return
    raise AssertionError(
        f"{case.method} before fit raises no NotFittedError. A stateless estimator says so "
        "with the tag requires_fit=False."
    )


def check_image_fit_transform(case: Case) -> None:
    """``fit_transform(X)`` equals ``fit(X).transform(X)``."""
    case.transformers_only()
    want = case.output(case.fitted(), case.images)
    got = case.new().fit_transform(case.images, case.y)
    case.same(got, want, "fit_transform(X) differs from fit(X).transform(X).")


def _parameters(estimator: Any) -> dict[str, tuple[int, str | None]]:
    """Each parameter's identity and contents."""
    parameters = estimator.get_params(deep=False)
    return {name: (id(value), joblib.hash(value)) for name, value in parameters.items()}


def _is_public(name: str) -> bool:
    return not (name.startswith("_") or name.endswith("_"))
