"""Run Python in another process, for what this one cannot or should not do itself."""

from __future__ import annotations

import os
import subprocess
import sys


def run_python(
    *arguments: str, timeout: float, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python where it finds the modules that this process finds, and wait for its end.

    Parameters
    ----------
    *arguments : str
        Of the interpreter: a program's file, or ``-c`` and a program; then the program's own.
    timeout : float
        Seconds to wait at most.
    **environment : str
        Variables to set.

    Raises
    ------
    OSError, subprocess.TimeoutExpired
        If it cannot be started, or has not ended in time.
    """
    modules = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(  # noqa: S603 - our own programs, on files of our own
        [sys.executable, "-P", *arguments],
        env={**os.environ, "PYTHONPATH": modules, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
