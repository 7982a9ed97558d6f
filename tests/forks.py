"""Programs in processes that are forks of one that has imported what they need.

An interpreter that imports Keras and JAX takes seconds, a fork milliseconds. Run as a program, this
file is the process that forks::

    python tests/forks.py MODULE ...

It forks for each line of its input, and writes the number of the fork and then its exit status.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any


class Forks:
    """Runs programs, each in a fork of one process, which starts when it is first needed.

    Where that is not safe, each is a new interpreter.

    Parameters
    ----------
    *imported : str
        The modules that the process imports. They may start no thread.
    **environment : str or None
        Variables that it has while it imports them; None removes one.
    """

    def __init__(self, *imported: str, **environment: str | None):
        self._imported = imported
        self._environment = environment
        self._server: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def run(
        self, *arguments: str, environment: dict[str, str], folder: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as ``python *arguments`` does, in this folder with these variables.

        Parameters
        ----------
        *arguments : str
            ``-c`` and a program, or its file; then its own.
        environment : dict of str to str
            All the variables that the program has.
        folder : Path
            Where it runs.
        timeout : float
            Seconds after which it is killed, and subprocess.TimeoutExpired raised.
        """
        if sys.platform != "linux":  # elsewhere a fork may not use what was imported before it
            return subprocess.run(
                [sys.executable, "-P", *arguments],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        with self._lock, tempfile.TemporaryDirectory() as name:
            files = [Path(name, stream) for stream in ("stdout", "stderr")]
            for file in files:
                file.touch()
            request = {
                "arguments": arguments,
                "environment": environment,
                "folder": str(folder),
                "files": list(map(str, files)),
            }
            status = self._status(request, timeout)
            said = [file.read_text() for file in files]
        return subprocess.CompletedProcess(arguments, status, *said)

    def _status(self, request: dict[str, Any], timeout: float) -> int:
        server = self._started()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(f"{json.dumps(request)}\n")
        server.stdin.flush()
        process = int(server.stdout.readline())
        in_time, _, _ = select.select([server.stdout], [], [], timeout)
        if not in_time:
            os.kill(process, signal.SIGKILL)
        status = int(server.stdout.readline())
        if not in_time:
            raise subprocess.TimeoutExpired(request["arguments"], timeout)
        return status

    def _started(self) -> subprocess.Popen[str]:
        if self._server is None:
            variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            variables |= self._environment
            self._server = subprocess.Popen(
                [sys.executable, "-P", __file__, *self._imported],
                env={name: value for name, value in variables.items() if value is not None},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert self._server.stdout is not None
            self._server.stdout.readline()  # it has imported them
        return self._server

    def close(self) -> None:
        """End the process."""
        if self._server is not None:
            self._server.communicate()
            self._server = None


def _serve(*imported: str) -> None:
    for name in imported:
        importlib.import_module(name)
    _tell("ready")
    for line in sys.stdin:
        process = os.fork()
        if not process:
            _become(**json.loads(line))
        _tell(process)
        _, status = os.waitpid(process, 0)
        _tell(os.waitstatus_to_exitcode(status))


def _tell(message: object) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def _become(
    arguments: list[str], environment: dict[str, str], folder: str, files: list[str]
) -> None:
    """Run a program in this process, and end it."""
    status = 1
    try:
        os.chdir(folder)
        for stream, file in enumerate([os.devnull, *files]):
            os.dup2(os.open(file, os.O_RDWR), stream)
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:0] = environment.get("PYTHONPATH", "").split(os.pathsep)
        _customise()
        status = _run(arguments)
    except BaseException:  # noqa: BLE001 - whatever a program raises
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _customise() -> None:
    """Import ``sitecustomize`` where there is one, as an interpreter does when it starts."""
    sys.modules.pop("sitecustomize", None)
    importlib.invalidate_caches()
    if importlib.util.find_spec("sitecustomize"):
        importlib.import_module("sitecustomize")


def _run(arguments: list[str]) -> int:
    try:
        if arguments[0] == "-c":
            exec(arguments[1], {"__name__": "__main__"})  # noqa: S102
        else:
            sys.argv = list(arguments)
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
            return 1
        return end.code or 0
    return 0


if __name__ == "__main__":
    _serve(*sys.argv[1:])
