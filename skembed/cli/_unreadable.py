"""Images that a command leaves out because they cannot be read: named on standard error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ._console import Output

_MOST_NAMED = 20


@contextlib.contextmanager
def naming_unreadable(out: Output) -> Iterator[None]:
    """Name the images that could not be read in the block, in place of the estimator's warning."""
    from ..extraction import record_reports
    from ..extraction._failures import without_warning_of_unreadable_images

    with record_reports() as reports, without_warning_of_unreadable_images():
        yield
    unreadable = {image.name: image.reason for one in reports for image in one.unreadable}
    for name, reason in list(unreadable.items())[:_MOST_NAMED]:
        out.say(f"left out, for it cannot be read: {name}: {reason}")
    if len(unreadable) > _MOST_NAMED:
        out.say(f"... and {len(unreadable) - _MOST_NAMED:,} more")
