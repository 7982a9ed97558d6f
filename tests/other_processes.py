"""Other processes, which start in milliseconds and are killed in the end."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


def fork_server(*imported: str):
    """Start a process that has imported these and run nothing; return the context of its forks."""
    here = Path(__file__).parent
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(
        map(str, [here, here / "store", here.parent, *sys.path])
    )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "store_helpers", *imported])
    context.Process(target=int).start()  # starts the server, with this environment
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
    return context


def run_program(program: str, environment: dict[str, str], folder: Path) -> None:
    """Run a program in this process; its output goes to files in `folder`."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.stdout, sys.stderr = (Path(name).open("w") for name in ("stdout", "stderr"))  # noqa: SIM115
    exec(program, {"__name__": "__main__"})  # noqa: S102


@contextlib.contextmanager
def starting(context) -> Iterator[Callable]:
    """Yield a function that starts ``function(cache, pipe, ...)`` in another process.

    It returns the process and this end of the pipe.
    """
    running = []

    def run(function: Callable, cache: Path | bool, *arguments):
        ours, theirs = context.Pipe()
        process = context.Process(target=function, args=(cache, theirs, *arguments))
        process.start()
        theirs.close()  # or a killed process would leave us waiting
        running.append((process, ours))
        return process, ours

    yield run
    for process, ours in running:
        process.kill()
        process.join()
        ours.close()
