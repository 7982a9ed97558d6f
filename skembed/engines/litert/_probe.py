"""Whether LiteRT can run a model at all, found out in a process that may crash.

LiteRT is C++ that checks little of what a model asks of it. So every model first runs on two
images in a process of its own, whose memory and time are bounded, before it is loaded into this
one. No operator that is allowed decides by its values what is run, so that another image takes
the same way. ``python -m skembed.engines.litert._probe`` is that process.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from ..._subprocess import run_python
from ..._text import size_of_bytes
from .._engine import TransientError, UnsupportedNetworkError

MAX_BYTES = 2**30  # that one image may take, in addition to what the model itself takes
_MAX_SECONDS = 20  # of a core, for loading it and for two images
_TIMEOUT = 600.0  # of the clock, however busy the machine is
_REFUSED = 3  # the exit code when LiteRT says no by itself


def probe(data: bytes, size: tuple[int, int], dtype: str) -> None:
    """Run a model on two images in another process.

    Parameters
    ----------
    data : bytes
        The model.
    size : tuple of two ints
        Height and width.
    dtype : {"uint8", "float32"}
        Of its pixels.

    Raises
    ------
    UnsupportedNetworkError
        If LiteRT refuses it or crashes, or it takes too long or too much memory; TransientError
        if the process could not be started or was killed.
    """
    with tempfile.TemporaryDirectory(prefix="skembed-") as folder:
        path = Path(folder, "model")
        path.write_bytes(data)
        arguments = ("-m", __name__, str(path), *map(str, size), dtype)
        try:
            # One thread: OpenBLAS, which NumPy loads, takes memory for each.
            done = run_python(*arguments, timeout=_TIMEOUT, OPENBLAS_NUM_THREADS="1")
        except subprocess.TimeoutExpired as error:
            raise TransientError(f"it was not loaded within {_TIMEOUT:g} seconds") from error
        except OSError as error:
            raise TransientError(f"no process could be started to try it ({error})") from error
    if done.returncode:
        raise _refusal(done.returncode, done.stderr)


def _refusal(code: int, said: str) -> UnsupportedNetworkError:
    *_, gist = said.strip().splitlines() or ["no reason is given"]
    if "bad_alloc" in said or "length_error" in said:
        return UnsupportedNetworkError(
            f"an image takes more than {size_of_bytes(MAX_BYTES)} of memory"
        )
    if code == _REFUSED:
        return UnsupportedNetworkError(f"LiteRT does not load it ({gist[:300]})")
    if code > 0:  # Python itself could not go on
        return TransientError(f"it could not be tried ({gist[:300]})")
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if name == "SIGXCPU":
        return UnsupportedNetworkError(
            f"two images take more than {_MAX_SECONDS} seconds of a core"
        )
    if name in ("SIGKILL", "SIGTERM", "SIGINT"):
        return TransientError(f"the process that tried it was ended by {name}")
    return UnsupportedNetworkError(f"LiteRT crashes with it ({name})")


def _main(path: str, height: str, width: str, dtype: str) -> int:
    import numpy as np

    from ._interpreter import Interpreter, import_litert

    data, size = Path(path).read_bytes(), (int(height), int(width))
    import_litert()
    noise = np.random.default_rng(0).integers(0, 256, (2, 1, *size, 3), np.uint8)
    noise[1] //= 64  # one that is dark
    images = noise if dtype == "uint8" else noise / np.float32(128) - np.float32(1)
    _limit(MAX_BYTES + 4 * len(data))
    try:
        interpreter = Interpreter(data, size)
        for image in images:
            interpreter.run(image)
    except MemoryError:
        sys.stderr.write("std::bad_alloc\n")
        return _REFUSED
    except (ValueError, RuntimeError) as error:
        sys.stderr.write(" ".join(str(error).split()) + "\n")
        return _REFUSED
    return 0


def _limit(n_bytes: int) -> None:
    """Bound what this process may take from now on; nothing is bounded where there is no way."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # At the second bound the system kills it, which needs no help of Python's.
        resource.setrlimit(resource.RLIMIT_CPU, (_MAX_SECONDS, _MAX_SECONDS + 5))
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        bound = pages * resource.getpagesize() + n_bytes
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
