"""Whether anybody wants the value of a line that ends in ``;``."""

from __future__ import annotations

import linecache
import re
import sys

from ._ipython import InteractiveShell

_CALLERS = (InteractiveShell.run_line_magic.__code__, InteractiveShell.run_cell_magic.__code__)
_ALONE = re.compile(r"\s*get_ipython\(\)\.run_(line|cell)_magic\(")


def is_call_alone() -> bool:
    """Whether the magic that runs is a statement of its own, so that its value is only shown.

    IPython's own ``output_can_be_silenced`` makes None of the value of ``X = %embed images;``
    too, and reads the body of a cell as Python, which lines of paths are not.
    """
    frame = sys._getframe()
    while frame is not None and frame.f_code not in _CALLERS:
        frame = frame.f_back
    caller = frame and frame.f_back
    if caller is None:
        return False
    line = linecache.getline(caller.f_code.co_filename, caller.f_lineno)
    return _ALONE.match(line) is not None
