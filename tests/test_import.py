"""What an import loads, and how Keras' backend is chosen, each in a new process."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import skembed

_ONCE = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}  # for what is compiled and runs once
_HEAVY = ("keras", "jax", "tensorflow", "torch", "openvino", "numba", "llvmlite", "simplejpeg")
_LOADED = f"import sys; print([name for name in {_HEAVY} if name in sys.modules])"
# The smallest thing that needs Keras.
_USE = """skembed.PretrainedEmbedder(
    image_size=32, weights=None, engine="jax", cache=False
).transform([image])"""
_PROGRAM = f"""
import warnings
import numpy as np
import skembed
warnings.simplefilter("ignore")
image = np.zeros((32, 32, 3), np.uint8)
try:
    print({_USE}.shape)
except skembed.BackendError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.slow
def test_loads_neither_keras_nor_jax(python):
    programs = (
        "import skembed",
        "import skembed.testing",
        "import skembed; skembed.backbones.get('resnet50'); skembed.backbones.table()",
        "import skembed, pickle; pickle.dumps(skembed.PretrainedEmbedder('resnet50'))",
        "import skembed; skembed.PretrainedEmbedder().fit(['a.jpg']).get_feature_names_out()",
    )
    said = python("\n".join(f"{program}; {_LOADED}" for program in programs))
    assert said.splitlines() == ["[]"] * len(programs)


@pytest.mark.slow
@pytest.mark.parametrize("configured", [None, "not JSON", '{"backend": "tensorflow"}'])
def test_keras_can_be_imported_afterwards_where_its_own_backend_is_not_installed(
    configured, without_jax, tmp_path
):
    if configured is not None:
        (tmp_path / "keras.json").write_text(configured)
    program = (
        "import skembed, keras, os; print(keras.config.backend(), os.environ['KERAS_BACKEND'])"
    )
    assert find_spec("tensorflow") is None
    assert without_jax(program, KERAS_BACKEND=None, KERAS_HOME=str(tmp_path)) == "jax jax"


@pytest.mark.parametrize("backend", ["numpy", "openvino"])
def test_a_backend_that_is_installed_and_configured_stays(backend, python, tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": backend}))
    program = "import skembed, os; print(os.environ.get('KERAS_BACKEND'))"
    assert python(program, KERAS_BACKEND=None, KERAS_HOME=str(tmp_path)) == "None"


@pytest.mark.slow
def test_the_first_use_chooses_jax_and_leaves_the_environment_alone(without_jax, tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "numpy"}')
    program = f"""{_PROGRAM}
import os, keras
print(keras.config.backend(), os.environ.get("KERAS_BACKEND"))
"""
    said = without_jax(program, KERAS_BACKEND=None, KERAS_HOME=str(tmp_path), **_ONCE)
    assert said.splitlines() == ["(1, 1280)", "jax None"]


@pytest.mark.slow
@pytest.mark.parametrize("chosen", ["torch", "tensorflow"])
def test_another_backend_in_the_environment_is_refused(without_jax, chosen):
    said = without_jax(
        f"{_PROGRAM}\nimport os; print(os.environ['KERAS_BACKEND'])", KERAS_BACKEND=chosen
    )
    error, environment = said.splitlines()
    assert re.match(rf"BackendError KERAS_BACKEND is '{chosen}'.* Set KERAS_BACKEND=jax", error)
    assert environment == chosen


@pytest.mark.slow
def test_keras_loaded_with_another_backend_is_refused(without_jax):
    # NumPy's is the one other backend that comes with Keras itself.
    said = without_jax(
        f"import keras\n{_PROGRAM}\nprint(keras.config.backend())", KERAS_BACKEND="numpy"
    )
    error, backend = said.splitlines()
    assert re.match("BackendError Keras is loaded with 'numpy'.* start a new process", error)
    assert backend == "numpy"


@pytest.mark.slow
def test_keras_loaded_with_jax_is_used(without_jax):
    assert without_jax(f"import keras\n{_PROGRAM}", KERAS_BACKEND="jax", **_ONCE) == "(1, 1280)"


@pytest.mark.slow
def test_keras_told_to_put_channels_first_is_refused(without_jax):
    program = f"import keras\nkeras.config.set_image_data_format('channels_first')\n{_PROGRAM}"
    said = without_jax(program, KERAS_BACKEND="jax")
    assert re.match("BackendError .*channels_first", said)


def test_every_public_name_is_there_and_sorted():
    assert all(hasattr(skembed, name) for name in skembed.__all__)
    assert skembed.__all__ == sorted(skembed.__all__)


def test_the_version_is_the_package_s():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())[
        "project"
    ]
    assert project["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|a\d+|b\d+|rc\d+)?", skembed.__version__)


def test_show_devices_has_a_row_for_each_device():
    import jax

    devices = skembed.show_devices()
    assert devices.columns.tolist() == ["device", "platform", "kind", "memory_gib", "used"]
    assert devices["platform"].tolist() == [device.platform for device in jax.devices()]
    assert devices["used"].all()


@pytest.mark.slow
def test_public_names_are_imported_when_they_are_used(python):
    program = """import sys, skembed
assert not {"sklearn", "pandas", "numpy"} & set(sys.modules)
assert set(skembed.__all__) <= set(dir(skembed))
from skembed import *
assert all(getattr(skembed, name) is globals()[name] for name in skembed.__all__)
try:
    skembed.PretrainedEmbeder
except AttributeError as error:
    print(error)"""
    assert python(program) == "module 'skembed' has no attribute 'PretrainedEmbeder'"
