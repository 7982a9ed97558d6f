"""Parameters of the embedder, which may be a pipeline, that whoever hands it crops must know."""

from __future__ import annotations

import os
from typing import Any, cast

from sklearn.base import clone

from ..backbones._registry import resolve
from ..extraction._failures import failure_policy
from ._image_transformer import ImageTransformer


def raising(embedder: Any) -> Any:
    """A clone that stops at an image it cannot read: a row of NaN must get no label."""
    copy = cast(Any, clone(embedder))
    if fills_in(embedder):
        return copy
    return copy.set_params(**dict.fromkeys(values(embedder, "on_error"), "raise"))


def fills_in(embedder: Any) -> bool:
    """Whether an image that it cannot read becomes a mean, and so may get a label."""
    policies = [failure_policy(value) for value in values(embedder, "on_error").values()]
    return bool(policies) and all(policy.is_learned for policy in policies)


def root(embedder: Any) -> str | os.PathLike[str] | None:
    """The folder that the embedder starts relative paths from."""
    parameters = embedder.get_params().items()
    found = {value for name, value in parameters if name.rpartition("__")[2] == "root"}
    folders = {os.fspath(folder) for folder in found if isinstance(folder, str | os.PathLike)}
    if len(folders) > 1:
        raise ValueError(
            f"The embedder's parts start from different folders, root={sorted(folders)}; crops "
            "are of the same images. Give the parts one root."
        )
    return folders.pop() if folders else None


def color_space(embedder: Any) -> str:
    """The channels that the embedder expects of arrays, which crops are."""
    spaces = set(values(embedder, "color_space").values())
    if len(spaces) > 1:
        raise ValueError(
            f"The embedder's parts take arrays in different colour spaces {sorted(spaces)}; "
            "crops come in one. Give the parts one color_space."
        )
    return spaces.pop() if spaces else "rgb"


def takes_numbers_as_they_are(embedder: Any) -> bool:
    """Whether the embedder has a model without a preparation: floats are no grey levels to it."""
    parts = (embedder, *embedder.get_params().values())
    ours = [part for part in parts if isinstance(part, ImageTransformer)]
    return any(resolve(part.backbone).preparation is None for part in ours)


def values(estimator: Any, parameter: str) -> dict[str, str]:
    """The values of a parameter, a string, by its full names wherever it is nested."""
    parameters = estimator.get_params().items()
    found = {n: value for n, value in parameters if n.rpartition("__")[2] == parameter}
    return {name: value for name, value in found.items() if isinstance(value, str)}
