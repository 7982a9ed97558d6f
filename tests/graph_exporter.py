"""Write OpenVINO's graphs in forks of one process that has imported Keras and OpenVINO.

It reads lines of JSON: the arguments of the exporter, variables to set, and the file for what it
says. It answers each with the exit status.
"""

from __future__ import annotations

import json
import os
import runpy
import sys

# As the exporter has them.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
_UNUSED = {"IPython", "jax", "matplotlib", "pandas", "sklearn"} - set(sys.modules)
sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]

import keras  # noqa: E402, F401
import openvino  # noqa: E402, F401

for _name in _UNUSED:
    del sys.modules[_name]


def _run(arguments: list[str], environment: dict[str, str], said: str) -> None:
    """Become the exporter."""
    file = os.open(said, os.O_WRONLY | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDWR)
    for copy, descriptor in ((nothing, 0), (nothing, 1), (file, 2)):
        os.dup2(copy, descriptor)
    os.environ.update(environment)
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")


for line in iter(sys.stdin.readline, ""):
    if (child := os.fork()) == 0:
        _run(*json.loads(line))
        break
    sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
    sys.stdout.flush()
