"""Images that cannot be read: the policies of ``on_error``, and their messages."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._dask import warn
from .._errors import ImageError, advice, level_of_caller
from ..images import Region, describe, local_path
from ..images._inputs import is_record
from ..images._locations import is_http, is_in_object_store
from ._repeated_calls import in_repeated_calls, warned_here
from ._report import Unreadable

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """What happens to an image that cannot be read.

    Parameters
    ----------
    name : str
        The value of ``on_error``.
    became : str
        What the warning says of such images; empty where the first one is an error.
    is_learned : bool
        Whether `fit` learns what stands in their rows.
    fits_int8 : bool
        Whether integers can hold what stands in their rows.
    raises_last : bool
        Whether the first one is an error only when all images have been looked at.
    """

    name: str
    became: str = ""
    is_learned: bool = False
    fits_int8: bool = True
    raises_last: bool = False

    def meet(self, image: Unreadable, error: ImageError) -> None:
        """Raise an error that names the row, if this policy does so at once."""
        if not (self.became or self.raises_last):
            raise _error_of(image.row, str(error)) from error

    def conclude(self, images: Iterable[Unreadable], n_failed: int, n: int) -> None:
        """Warn, when all images have been looked at, or raise if none of them could be read.

        Parameters
        ----------
        images : iterable of Unreadable
            Those that could not be read.
        n_failed, n : int
            How many rows they left without features, and how many rows there are: several a
            image, where it is cut into crops.
        """
        unreadable = list(images)
        if not unreadable:
            return
        if n_failed == n:
            raise ImageError(
                f"{_none_could(len(unreadable))} be read: "
                f"{_shown(_text(image) for image in unreadable)}"
            )
        if self.raises_last:
            raise _error_of(unreadable[0].row, unreadable[0].reason)
        self.warn(unreadable, n * len(unreadable) // n_failed)

    def check_int8(self, parameter: str) -> None:
        """Refuse a parameter that asks for int8 where rows may become NaN.

        Raises
        ------
        ValueError
            It says what to choose instead.
        """
        if not self.fits_int8:
            raise ValueError(
                f"{parameter}=True gives int8, which cannot hold the NaN rows of "
                f"on_error={self.name!r}: choose {parameter}=False, on_error='mean' or "
                "on_error='raise'."
            )

    def warn(self, unreadable: Sequence[Unreadable], n: int, where: str = "") -> None:
        """Warn of some of `n` images, if there are any.

        Parameters
        ----------
        unreadable : sequence of Unreadable
            Those that could not be read.
        n : int
            How many images there were.
        where : str, default=""
            What the warning begins with.
        """
        repeated = in_repeated_calls()
        new = unreadable
        if repeated:
            warned = warned_here()
            # The same image has another row in each fold.
            new = [image for image in unreadable if warned.is_new((image.reason, image.key))]
        if new:
            shown = _shown(image.reason if repeated else _text(image) for image in new)
            others = " Others were named before." if len(new) < len(unreadable) else ""
            warn(
                f"{where}{len(unreadable):,} of {n:,} images could not be read and "
                f"{self.became}: {shown}{others}",
                UserWarning,
                stacklevel=level_of_caller(),
            )


POLICIES = {
    policy.name: policy
    for policy in (
        FailurePolicy("raise"),
        FailurePolicy("nan", became="became rows of NaN", fits_int8=False),
        FailurePolicy(
            "mean",
            became="became the mean of the images that were learnt from",
            is_learned=True,
        ),
    )
}


def failure_policy(on_error: Any) -> FailurePolicy:
    """Return the policy that ``on_error`` names; ``"raise"`` where it names none.

    An estimator's parameters may be anything before they are checked, and its tags never fail.
    """
    return POLICIES.get(on_error if isinstance(on_error, str) else "", POLICIES["raise"])


_raises_last: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "skembed_raises_last", default=False
)


def running_policy(on_error: str) -> FailurePolicy:
    """Return the policy of a call that begins in this thread."""
    policy = POLICIES[on_error]
    if _raises_last.get() and not policy.became:
        return dataclasses.replace(policy, raises_last=True)
    return policy


@contextlib.contextmanager
def raising_last() -> Iterator[None]:
    """Let ``on_error="raise"`` look at all images before it raises.

    So one call computes and keeps the rows of all other images, and its report names each that
    cannot be read.
    """
    token = _raises_last.set(True)
    try:
        yield
    finally:
        _raises_last.reset(token)


@contextlib.contextmanager
def without_warning_of_unreadable_images() -> Iterator[None]:
    """Leave out the estimator's warning, where a report is read instead."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", r"[\d,]+ of [\d,]+ images could not be read", UserWarning
        )
        yield


def unreadable(row: int, item: Any, error: ImageError, key: bytes) -> Unreadable:
    """Describe an image that could not be read.

    Parameters
    ----------
    row : int
        Where it stands among the images of the call.
    item : path, URL, bytes, PIL image, array or crop
        The image. One of several crops says which image that is, and what is wrong with it.
    error : ImageError
        Why it could not be read.
    key : bytes
        The digest of its content, where that much could be read.
    """
    row, item, own = getattr(item, "part_of", (row, item, error))
    return Unreadable(row, describe(item), str(own or error), key, _has_name(item))


def copied(known: Unreadable, row: int, item: Any) -> Unreadable:
    """Describe an image that is equal to one that could not be read, under its own name."""
    row, item, _ = getattr(item, "part_of", (row, item, None))
    name = describe(item)
    reason = known.reason.replace(known.name, name, 1)
    return Unreadable(row, name, reason, known.key, _has_name(item))


def _error_of(row: int, reason: str) -> ImageError:
    hint = advice("With {on_error} this is no error.", on_error="nan")
    return ImageError(f"{sentence(f'Row {row}: {reason}')}{hint}")


def sentence(text: str) -> str:
    """The text with a full stop at its end."""
    return text if text.endswith(".") else f"{text}."


def _shown(texts: Iterable[str]) -> str:
    unique = list(dict.fromkeys(texts))
    more = f" And {len(unique) - _SHOWN} more." if len(unique) > _SHOWN else ""
    return f"{' '.join(sentence(text) for text in unique[:_SHOWN])}{more}"


def _text(image: Unreadable) -> str:
    """Why an image cannot be read; its row where it has no name."""
    return image.reason if image.has_name else f"row {image.row}: {image.reason}"


def _none_could(n: int) -> str:
    return f"None of the {n} images could" if n > 1 else "The only image cannot"


def _has_name(item: Any) -> bool:
    """Whether messages call the image by a path or a URL."""
    item = item.source if isinstance(item, Region) else item
    if is_record(item):
        item = item.get("path")
    if isinstance(item, str) and (is_http(item) or is_in_object_store(item)):
        return True
    return isinstance(item, str | os.PathLike) and local_path(item) is not None
