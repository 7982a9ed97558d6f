"""For tests, doctests and notebooks alike: caches of their own, and which tests may be skipped."""

from __future__ import annotations

import gc
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock


def _has_bfloat16() -> bool:
    from skembed.engines.openvino._runtime import has_bfloat16

    return has_bfloat16()


def _has_several_cores() -> bool:
    from skembed._processor import n_cores

    return n_cores() > 1


# What a test may ask of the processor: the one reason for which it may be skipped everywhere.
_PROCESSOR = {"bfloat16": _has_bfloat16, "several cores": _has_several_cores}


_QUICK = "not slow"  # what is chosen in the loop
_TESTS = Path(__file__).parent / "tests"
_ALL_SLOW = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.slow\b", re.MULTILINE)

# The folder of the whole run, which its worker processes share.
_RUN = "SKEMBED_TEST_RUN"

_KERNELS = pytest.StashKey()  # of the forked kernels of this process


def pytest_addoption(parser):
    parser.addoption(
        "--allow-no-skips",
        action="store_true",
        help="fail where a test is skipped for another reason than the processor",
    )


# Folders whose examples do.
_RUN_NETWORKS = {
    "bigml",
    "estimators",
    "exporting",
    "hmax",
    "inspection",
    "search",
    "testing",
    "widgets",
}


def pytest_configure(config):
    """Set the variables for the whole run: a notebook's kernel is started by no fixture."""
    config.addinivalue_line(
        "markers",
        f"processor(feature): skip where this processor lacks it; one of {list(_PROCESSOR)}",
    )
    folder = tempfile.TemporaryDirectory(prefix="skembed-tests-", ignore_cleanup_errors=True)
    patch = pytest.MonkeyPatch()
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(patch.undo)
    patch.setenv("SKEMBED_CACHE_DIR", f"{folder.name}/cache")
    # Keras writes its settings there, and downloads into it.
    patch.setenv("KERAS_HOME", f"{folder.name}/keras")
    patch.setenv("JUPYTER_PATH", f"{folder.name}/jupyter")
    _let_threads_sleep(patch)
    # Before Python 3.11.9 a process may stop where Dask's profiler looks at its threads.
    patch.setenv("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED", "False")
    _offer_forked_kernels(config, Path(folder.name, "jupyter"))
    if not hasattr(config, "workerinput"):
        _share_compilations(Path(folder.name), patch)
        if config.option.markexpr == _QUICK:
            # What a quick run compiles runs a few times. The whole run compiles as users do.
            patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")


def _let_threads_sleep(patch: pytest.MonkeyPatch) -> None:
    """Let threads of OpenMP and OpenBLAS that have nothing to do wait without a processor.

    Left to themselves, they are busy waiting, which takes the processors from the run's other
    processes. Both libraries read the variables when they are loaded, which is later.
    """
    patch.setenv("OMP_WAIT_POLICY", "passive")
    patch.setenv("OPENBLAS_THREAD_TIMEOUT", "4")  # 2**4 cycles, the fewest


def _offer_forked_kernels(config, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(_TESTS)
        from forked_kernels import ForkedKernels
    config.stash[_KERNELS] = ForkedKernels(folder)
    config.add_cleanup(config.stash[_KERNELS].close)


def _share_compilations(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let XLA compile a program once for all processes of the run, and a graph be written once.

    Workers inherit the variables, and so does every process that a test starts.
    """
    patch.setenv(_RUN, str(folder))
    patch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder / "programs"))
    patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    patch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    patch.setenv("JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES", "none")


def pytest_ignore_collect(collection_path, config):
    """Leave out of quick runs, unread, files of slow tests alone: to import them takes seconds."""
    if config.option.markexpr == _QUICK and collection_path.name.startswith("test_"):
        return bool(_ALL_SLOW.search(collection_path.read_text())) or None
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Run notebooks; look for no examples in tests, which takes seconds and finds none."""
    found = yield
    if file_path.suffix == ".ipynb":
        return [_NotebookFile.from_parent(parent, path=file_path)]
    if file_path.is_relative_to(_TESTS):
        return [file for file in found if type(file) is pytest.Module]
    return found


class _NotebookFile(pytest.File):
    def collect(self):
        yield _Notebook.from_parent(self, name=self.path.stem)


class _Notebook(pytest.Item):
    """A notebook that is run from top to bottom, in a kernel of its own, which is forked."""

    def runtest(self):
        import nbformat  # takes seconds, which runs without notebooks save
        from nbclient import NotebookClient

        where = {"metadata": {"path": str(self.path.parent)}}
        NotebookClient(
            nbformat.read(self.path, as_version=4),
            timeout=300,
            kernel_name=self.config.stash[_KERNELS].start(),
            resources=where,
        ).execute()

    def repr_failure(self, excinfo):
        """Show the cell and the kernel's traceback."""
        from nbclient.exceptions import CellExecutionError

        if isinstance(excinfo.value, CellExecutionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, self.path.name


def pytest_collection_modifyitems(config, items):
    """Mark what has no place for a marker of its own; put slow files first.

    That is notebooks, and the examples of what runs networks. What needs TensorFlow is left out
    whatever else is chosen, because nothing of the extra ``test`` brings it.

    A file is run by one process. Were the slow ones last, one process would end alone with them.
    """
    for item in items:
        runs_networks = item.path.parent.name in _RUN_NETWORKS
        if item.path.suffix == ".ipynb" or (
            isinstance(item, pytest.DoctestItem) and runs_networks
        ):
            item.add_marker("slow")
    if "runtimes" not in config.option.markexpr:
        elsewhere = [item for item in items if item.get_closest_marker("runtimes")]
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish():
    """Look for garbage more rarely: a network is half a million objects, all of them in use."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@pytest.fixture(autouse=True)
def _figures_are_closed():
    """Close what a test or an example has drawn: pyplot keeps figures, and warns of many."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture(autouse=True)
def _settings_as_before():
    """Put back what a test or a page sets for the process: whoever comes next has the defaults."""
    import skembed

    before = skembed.get_config()
    yield
    if skembed.get_config() != before:
        skembed.set_config(**before)


@pytest.fixture(scope="session")
def forked_kernel(request) -> str:
    """The name of a kernel that need not import scikit-learn, JAX and Keras anew.

    What is imported at all, and when, is to be asked of ``python3``.
    """
    return request.config.stash[_KERNELS].start()


@pytest.fixture(scope="session", autouse=True)
def _exporter_is_forked():
    """Fork the program that writes OpenVINO's graphs, which otherwise imports Keras each time.

    Programs that are started by tests start it as for a user.
    """
    from skembed.engines.openvino import _exporter

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent / "tests")
        from forks import Forks

        forks = Forks("exporter_imports", KERAS_BACKEND="openvino", JAX_PLATFORMS="cpu")

        def run(*arguments, timeout, **environment):
            modules = os.pathsep.join(path for path in sys.path if path)
            variables = {**os.environ, "PYTHONPATH": modules, **environment}
            here = Path.cwd()
            return forks.run(*arguments, environment=variables, folder=here, timeout=timeout)

        patch.setattr(_exporter, "run_python", run)
        yield
    forks.close()


@pytest.fixture(scope="session", autouse=True)
def _graphs_of_the_run():
    """Write each of OpenVINO's graphs once in a run, wherever a test keeps its own.

    Another process writes a graph, and Keras is compiled to compare them: seconds each. For a
    test of just that there is the fixture `graphs_made_anew`.
    """
    from skembed.engines.openvino import _graphs

    make, kept = _graphs._write, Path(os.environ[_RUN], "graphs")
    kept.mkdir(exist_ok=True)

    def copied_or_made(spec, folder: Path) -> None:
        known = kept / f"{folder.name}-{spec.precision}"
        with FileLock(f"{known}.lock"):
            if not known.exists():
                make(spec, folder)
                shutil.copytree(folder, kept / "part" / known.name)
                (kept / "part" / known.name).rename(known)
                return
        shutil.copytree(known, folder, dirs_exist_ok=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_graphs, "_write", copied_or_made)
        yield make


@pytest.fixture
def graphs_made_anew(_graphs_of_the_run, monkeypatch):
    """Write OpenVINO's graphs as for a user, whatever the run has written before."""
    from skembed.engines.openvino import _graphs

    monkeypatch.setattr(_graphs, "_write", _graphs_of_the_run)


@pytest.fixture(autouse=True)
def _registered_backbones():
    """Forget the backbones that a test or an example registers: others list them all."""
    from skembed.backbones import _registry

    before = dict(_registry._known())
    yield
    _registry._registry.clear()
    _registry._registry.update(before)


def pytest_runtest_setup(item):
    for marker in item.iter_markers("processor"):
        (feature,) = marker.args
        if not _PROCESSOR[feature]():
            pytest.skip(f"processor: has no {feature}")


def _skipped_for_other_reasons(reporter) -> list:
    skipped = reporter.stats.get("skipped", [])
    return [report for report in skipped if "processor" not in report.keywords]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    # Afterwards pytest looks for garbage five times: a second each, were it among all objects.
    gc.collect()
    gc.freeze()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or session.exitstatus != pytest.ExitCode.OK:
        return  # one of the processes whose results come together in another, or a failure
    if session.config.option.allow_no_skips and _skipped_for_other_reasons(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    n, others = (
        len(terminalreporter.stats.get("skipped", [])),
        len(_skipped_for_other_reasons(terminalreporter)),
    )
    terminalreporter.section("skipped")
    terminalreporter.line(
        f"because of the processor: {n - others}; for other reasons: {others}"
    )
