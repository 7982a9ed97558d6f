"""Fixtures: real images and weights, few and shared."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from forks import Forks
from hypothesis import settings
from other_processes import fork_server, run_program, starting
from PIL import Image

from skembed import engines
from skembed.extraction import clear_programs
from skembed.store import _error_handler

if TYPE_CHECKING:
    from skembed.formats import NetworkSpec

_NONE_OF_THESE = "import sys; assert not {'jax', 'keras', 'skembed'} & set(sys.modules)"

# Beside what JAX leaves out when it is told to optimise little: half of what is left.
_QUICKLY_COMPILED = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}

# A busy machine takes any time for anything.
settings.register_profile("skembed", deadline=None)
settings.load_profile("skembed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real weights and photographs that are not ours to redistribute."""
    default = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("SKEMBED_TEST_DATA", default))
    if not (folder / "images").is_dir():
        pytest.skip(f"no test data at {folder}; point SKEMBED_TEST_DATA at it")
    return folder.resolve()


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Twelve tiles of photographs: four of a brick wall, four of grass, four of a cup."""
    from skimage import data

    corners = [(0, 0), (0, 300), (250, 0), (250, 300)]
    return [
        np.ascontiguousarray(picture[y : y + 140, x : x + 140])
        for picture in (data.brick(), data.grass(), data.coffee())
        for y, x in corners
    ]


@pytest.fixture(scope="session")
def labels() -> list[str]:
    """What `pictures` show."""
    return [name for name in ("brick", "grass", "coffee") for _ in range(4)]


@pytest.fixture(scope="session")
def paths(pictures, tmp_path_factory) -> list[str]:
    """`pictures` as PNG files."""
    folder = tmp_path_factory.mktemp("pictures")
    names = [str(folder / f"{i:02}.png") for i in range(len(pictures))]
    for name, picture in zip(names, pictures, strict=True):
        Image.fromarray(picture).save(name)
    return names


@pytest.fixture(scope="module")
def jax_alone():
    """Let JAX run the networks of a module whose tests are not about engines.

    OpenVINO would take another process to write a graph of each. That it agrees with JAX is for
    tests/engines to say.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines.get("openvino"), "is_installed", lambda: False)
        yield


@pytest.fixture
def quick_compilation():
    """Let XLA optimise little: for whole networks, where compiling takes most of a test.

    Nor is a network rewritten for CPUs, which makes many small operations of a convolution; that
    the two agree is for tests/engines/test_cpu.py to say. It gives the same numbers but for
    rounding. What is promised of bits is not for such a test.
    """
    with _compiled_quickly():
        yield


@pytest.fixture(scope="module")
def quickly_compiled_module():
    """Let all networks of a module be compiled as `quick_compilation` says, and by it alone."""
    clear_programs()
    with _compiled_quickly():
        yield
    clear_programs()


@contextlib.contextmanager
def _compiled_quickly() -> Iterator[None]:
    import jax
    from jax._src import compiler

    from skembed.engines.jax import _cpu, _program

    name = "jax_disable_most_optimizations"
    before, options = jax.config.read(name), compiler.get_compile_options

    def quick_options(*args, env_options_overrides=None, **kwargs):
        overrides = {**_QUICKLY_COMPILED, **(env_options_overrides or {})}
        return options(*args, env_options_overrides=overrides, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_program, "lower_for_cpu", _cpu.image_by_image)
        patch.setattr(compiler, "get_compile_options", quick_options)
        jax.config.update(name, True)
        yield
        jax.config.update(name, before)


@pytest.fixture
def networks_built(monkeypatch) -> list[NetworkSpec]:
    """What engines are asked to build; those that were built before are forgotten first."""
    clear_programs()
    built = []

    def noted(build):
        return lambda network: built.append(network) or build(network)

    for engine in map(engines.get, engines.names()):
        monkeypatch.setattr(engine, "build", noted(engine.build))
    return built


def _variables(changed: dict[str, str | None]) -> dict[str, str]:
    """All variables of a program that is to import what this process does; None removes one."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **changed}
    return {name: value for name, value in variables.items() if value is not None}


@pytest.fixture
def python(tmp_path) -> Callable[..., str]:
    """Run a program in a new interpreter, and return what it prints."""

    def run(program: str, *options: str, **environment: str | None) -> str:
        done = subprocess.run(
            [sys.executable, *options, "-c", program],
            env=_variables(environment),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture(scope="session")
def before_jax():
    """Forks of a process that has imported much of what JAX, Keras and skembed import, and none."""
    forks = Forks(
        *(
            "IPython",
            "h5py",
            "matplotlib.pyplot",
            "optree",
            "pandas",
            "rich.progress",
            "sklearn.model_selection",
            "sklearn.pipeline",
            "sklearn.svm",
        ),
        KERAS_BACKEND=None,
    )
    yield forks
    forks.close()


@pytest.fixture
def without_jax(before_jax, tmp_path) -> Callable[..., str]:
    """Run a program, as `python` does, in a fork that has yet to import JAX, Keras and skembed.

    For what variables say to these. What is imported at all is to be asked of `python`.
    """

    def run(program: str, **environment: str | None) -> str:
        done = before_jax.run(
            *("-c", f"{_NONE_OF_THESE}\n{program}"),
            environment=_variables(environment),
            folder=tmp_path,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the warnings of the store, of which a process gives each once."""
    monkeypatch.setattr(_error_handler, "_warned", set())


@pytest.fixture(scope="session")
def processes(request):
    """Processes that start in milliseconds: forks of one that has imported and run nothing.

    Quick tests of processes are about the store, which needs neither Keras nor scikit-learn.
    """
    extracting = any(item.get_closest_marker("slow") for item in request.session.items)
    return fork_server(*["extraction_helpers", "distributed"] * extracting)


@pytest.fixture
def forked(processes, tmp_path) -> Callable[..., str]:
    """Run a program in another process, as `python` does, without importing everything anew.

    For what variables say to libraries when these are imported, or what is imported at all, there
    is `python`.
    """

    def run(program: str, **environment: str) -> str:
        arguments = (program, {**os.environ, **environment}, tmp_path)
        process = processes.Process(target=run_program, args=arguments)
        process.start()
        process.join(300)
        process.kill()
        assert process.exitcode == 0, (tmp_path / "stderr").read_text()
        return (tmp_path / "stdout").read_text().strip()

    return run


@pytest.fixture
def start(processes) -> Iterator[Callable]:
    """Start ``function(cache, pipe, ...)`` elsewhere; return the process and our end."""
    with starting(processes) as run:
        yield run


@pytest.fixture
def mount(tmp_path):
    """Mount a small file system in memory, and change its options; needs root."""
    place = tmp_path / "mounted"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("only root may mount a file system here")

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)

    yield place, remount
    subprocess.run(["umount", "-l", str(place)], check=True)
