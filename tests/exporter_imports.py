"""What the program imports that writes OpenVINO's graphs; for the process that it is forked of."""

import importlib.util
import runpy
from pathlib import Path

# As a program of another name it imports, and does nothing.
_SKEMBED = importlib.util.find_spec("skembed")
runpy.run_path(str(Path(_SKEMBED.origin).parent / "engines" / "openvino" / "_export"))
