"""For tests, doctests and notebooks alike: caches of their own, and which tests may be skipped."""

from __future__ import annotations

import tempfile

import pytest


def _has_bfloat16() -> bool:
    from skembed.engines.openvino._runtime import has_bfloat16

    return has_bfloat16()


def _has_several_cores() -> bool:
    from skembed._processor import n_cores

    return n_cores() > 1


# What a test may ask of the processor: the one reason for which it may be skipped everywhere.
_PROCESSOR = {"bfloat16": _has_bfloat16, "several cores": _has_several_cores}


def pytest_addoption(parser):
    parser.addoption(
        "--allow-no-skips",
        action="store_true",
        help="fail where a test is skipped for another reason than the processor",
    )


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


def pytest_collection_modifyitems(items):
    """Mark what has no place for a marker of its own; put slow files first.

    That is notebooks, and the examples of what runs networks.

    A file is run by one process. Were the slow ones last, one process would end alone with them.
    """
    for item in items:
        runs_networks = item.path.parent.name in ("estimators", "testing")
        if item.path.suffix == ".ipynb" or (
            isinstance(item, pytest.DoctestItem) and runs_networks
        ):
            item.add_marker("slow")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
