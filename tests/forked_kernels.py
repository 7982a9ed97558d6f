"""Jupyter's kernels that are forks of a process which has imported what notebooks import.

A kernel that imports scikit-learn, JAX and Keras takes seconds of processor time to begin, a fork
none. Jupyter starts a kernel of the name `FORKED` as it starts any other: by a command, which is
this file. The command asks the process for a fork that uses its streams, passes signals on to it,
and ends as it ends. skembed itself is imported by each kernel.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from pathlib import Path

FORKED = "forked"  # the name to ask Jupyter for
# None of them starts a thread of Python's.
_IMPORTED = (
    "ipykernel.kernelapp",
    "anywidget",
    "ipywidgets",
    "jax.numpy",
    "jaxlib.mlir.dialects.mhlo",
    "keras",
    "matplotlib.pyplot",
    "pandas",
    "skimage.data",
    "sklearn.datasets",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "sklearn.svm",
)
# What is read when they are imported: in a notebook, skembed and IPython say so.
_READ = {"KERAS_BACKEND": "jax", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}

_PR_SET_PDEATHSIG = 1  # Linux's number for being killed where the parent ends


class ForkedKernels:
    """The process whose forks are kernels; it starts when the first is asked for.

    Where forks are not safe, kernels of this name are as any others.

    Parameters
    ----------
    folder : Path
        Where Jupyter finds the kernel: one that ``JUPYTER_PATH`` names.
    """

    def __init__(self, folder: Path):
        self._socket = folder / "forks"
        self._server: subprocess.Popen[str] | None = None
        command = [sys.executable, "-m", "ipykernel_launcher"]
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", __file__, "join", str(self._socket)]
        described = folder / "kernels" / FORKED / "kernel.json"
        described.parent.mkdir(parents=True)
        described.write_text(
            json.dumps(
                {
                    "argv": [*command, "-f", "{connection_file}"],
                    "display_name": "Python 3",
                    "language": "python",
                }
            )
        )

    def start(self) -> str:
        """Start the process if it does not run, and return the name of the kernel."""
        if self._server is None and sys.platform == "linux":
            path = os.pathsep.join(path for path in sys.path if path)
            self._server = subprocess.Popen(
                [sys.executable, "-P", __file__, "serve", str(self._socket)],
                env={**os.environ, "PYTHONPATH": path, **_READ},
                stdin=subprocess.PIPE,  # it ends with this
                stdout=subprocess.PIPE,
                text=True,
            )
            assert self._server.stdout is not None
            self._server.stdout.readline()  # it has imported them
        return FORKED

    def close(self) -> None:
        """End the process, and kernels that run."""
        if self._server is not None:
            self._server.communicate()
            self._server = None


class _Server:
    """Forks for each connection; a fork is killed where the other end of its own has gone."""

    def __init__(self, listening: socket.socket):
        self._listening = listening
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin, selectors.EVENT_READ, self._end)
        self._selector.register(listening, selectors.EVENT_READ, self._fork)
        self._running: dict[int, socket.socket] = {}

    def serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _end(self) -> None:
        for process in self._running:
            os.kill(process, signal.SIGKILL)
        os._exit(0)

    def _fork(self) -> None:
        asked, _ = self._listening.accept()
        message, streams, _, _ = socket.recv_fds(asked, 1 << 20, 3)
        while not message.endswith(b"\n"):
            message += asked.recv(1 << 20)
        process = os.fork()
        if not process:
            self._selector.close()
            _become_kernel(streams, **json.loads(message))
        for stream in streams:
            os.close(stream)
        asked.sendall(f"{process}\n".encode())
        self._running[process] = asked
        ends = os.pidfd_open(process)
        self._selector.register(asked, selectors.EVENT_READ, lambda: self._kill(process, asked))
        self._selector.register(ends, selectors.EVENT_READ, lambda: self._tell(process, ends))

    def _kill(self, process: int, asked: socket.socket) -> None:
        self._selector.unregister(asked)  # all that it says is that it has gone
        os.kill(process, signal.SIGKILL)

    def _tell(self, process: int, ends: int) -> None:
        _, status = os.waitpid(process, 0)
        self._selector.unregister(ends)
        os.close(ends)
        asked = self._running.pop(process)
        with contextlib.suppress(KeyError):
            self._selector.unregister(asked)
        with contextlib.suppress(OSError), asked:
            asked.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become_kernel(
    streams: list[int], arguments: list[str], environment: dict[str, str], folder: str
) -> None:
    """Run a kernel in this process, and end it."""
    status = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        for stream, given in enumerate(streams):
            os.dup2(given, stream)
        os.environ.clear()
        # Whose child the kernel is, is not what Jupyter thinks.
        os.environ.update({k: v for k, v in environment.items() if k != "JPY_PARENT_PID"})
        os.chdir(folder)
        sys.path[:0] = environment.get("PYTHONPATH", "").split(os.pathsep)
        sys.argv = ["ipykernel_launcher", *arguments]
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(i, mode) for i, mode in enumerate("rww"))
        from ipykernel import kernelapp

        kernelapp.launch_new_instance()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever a kernel raises
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _serve(path: str) -> None:
    """Import what kernels do, and fork until the input ends."""
    import gc
    import importlib

    for name in _IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # or each fork would copy what it looks at
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        _Server(listening).serve()


def _join(path: str, *arguments: str) -> None:
    """Be a kernel for whoever started this: a fork is one in fact."""
    asked = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109 - pathlib takes time
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        message = f"{json.dumps(asked)}\n".encode()
        sent = socket.send_fds(server, [message], [0, 1, 2])
        server.sendall(message[sent:])
        with server.makefile() as told:
            process = int(told.readline())
            for passed in (signal.SIGINT, signal.SIGTERM):
                signal.signal(passed, lambda number, _: os.kill(process, number))
            status = int(told.readline() or 1)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    {"serve": _serve, "join": _join}[sys.argv[1]](*sys.argv[2:])
