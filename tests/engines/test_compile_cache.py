"""Compiled networks are kept between processes, and only ours, and only if nobody objects.

JAX compiles too slowly to fill a folder: the context that links it is used by itself as well.
"""

from __future__ import annotations

import contextlib
import json
import os

import numpy as np
import pytest
from extraction_helpers import save_network

from skembed import cache_clear, config_context
from skembed.engines.jax._compile_cache import PROGRAMS, linked_programs

# JAX tells its listeners what it found in its cache, and what it did not.
_PROGRAM = """
import collections, json, warnings
import jax, numpy as np, skembed
warnings.simplefilter("error", UserWarning)
events = collections.Counter()
jax.monitoring.register_event_listener(lambda event, **_: events.update([event.split("/")[-1]]))
image = np.arange(12 * 12 * 3).reshape(12, 12, 3).astype(np.uint8)
BEFORE
rows = skembed.PretrainedEmbedder(NETWORK, engine="jax", cache=False).transform([image])
ours = dict(events)
jax.jit(lambda x: jax.numpy.sin(x) * 3.25)(1.0).block_until_ready()  # the user's own
print(json.dumps({
    "hits": ours.get("cache_hits", 0),
    "misses": ours.get("cache_misses", 0),
    "others": sum(events[e] - ours.get(e, 0) for e in ("cache_hits", "cache_misses")),
    "directory": jax.config.jax_compilation_cache_dir,
    "rows": rows[0].tolist(),
}))
"""


def _of_the_run(name: str) -> bool:
    """Whether a variable is about JAX's own cache, which the processes of a run share."""
    return name.startswith(("JAX_COMPILATION_CACHE", "JAX_PERSISTENT_CACHE"))


# A fork has imported JAX, which has read those variables.
_WITHOUT_THE_CACHE_OF_THE_RUN = """
import jax
jax.config.update("jax_compilation_cache_dir", None)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
jax.config.update("jax_persistent_cache_enable_xla_caches", "xla_gpu_per_fusion_autotune_cache_dir")
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return str(save_network(tmp_path_factory.mktemp("network") / "crumbs.keras"))


@pytest.fixture
def outcome(without_jax, forked, network, tmp_path):
    def run(before="", **environment):
        program = _PROGRAM.replace("BEFORE", before).replace("NETWORK", repr(network))
        cache = {"SKEMBED_CACHE_DIR": str(tmp_path / "kept")}
        if environment:  # which JAX reads when it is imported
            cache |= dict.fromkeys(filter(_of_the_run, os.environ))
            return json.loads(without_jax(program, **(cache | environment)))
        return json.loads(forked(_WITHOUT_THE_CACHE_OF_THE_RUN + program, **cache))

    return run


@pytest.mark.slow
def test_a_second_process_compiles_nothing_and_gives_the_same_bits(outcome, tmp_path):
    first, second = outcome(), outcome()
    assert first["hits"] == 0
    assert first["misses"] > 0
    assert (second["hits"], second["misses"]) == (first["misses"], 0)
    np.testing.assert_array_equal(first["rows"], second["rows"])
    for told in (first, second):
        assert told["others"] == 0
        assert told["directory"] is None
    # The process that deletes it need not have made it.
    assert list(tmp_path.glob("kept/compiled-programs/*/*-cache"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "environment"),
    [
        ("skembed.set_config(compile_cache=False)", {}),
        ("", {"JAX_ENABLE_COMPILATION_CACHE": "false"}),
    ],
)
def test_it_can_be_switched_off(outcome, tmp_path, before, environment):
    told = outcome(before, **environment)
    assert (told["hits"], told["misses"]) == (0, 0)
    assert not (tmp_path / "kept" / "compiled-programs").exists()


@pytest.mark.slow
def test_a_cache_of_the_user_s_own_stands(outcome, tmp_path):
    theirs = str(tmp_path / "theirs")
    told = outcome(JAX_COMPILATION_CACHE_DIR=theirs)
    assert told["directory"] == theirs
    assert not (tmp_path / "kept" / "compiled-programs").exists()


@pytest.mark.slow
def test_where_nothing_can_be_written_it_runs_all_the_same(outcome, tmp_path):
    (tmp_path / "kept").write_text("a file in the folder's place")
    told = outcome()
    assert (told["hits"], told["misses"]) == (0, 0)
    assert np.isfinite(told["rows"]).all()


@pytest.fixture
def own_directory(tmp_path):
    with config_context(cache_dir=tmp_path):
        yield


def _add(**programs: bytes) -> None:
    with linked_programs() as folder:
        for name, content in programs.items():
            (folder / f"{name}-cache").write_bytes(content)


def _kept() -> dict[str, bytes]:
    with linked_programs() as folder:
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def _files() -> list[str]:
    return sorted(path.name for path in PROGRAMS.path.parent.rglob("*") if path.is_file())


@pytest.mark.usefixtures("own_directory")
def test_what_is_added_is_there_the_next_time():
    _add(a=b"1")
    _add(b=b"2")
    assert _kept() == {"a-cache": b"1", "b-cache": b"2"}
    assert _files() == ["CACHEDIR.TAG", "a-cache", "b-cache"]


@pytest.mark.usefixtures("own_directory")
def test_of_two_who_add_the_same_the_first_is_kept():
    with linked_programs() as one, linked_programs() as other:
        (one / "a-cache").write_bytes(b"second")
        (other / "a-cache").write_bytes(b"first")  # its block ends first
    assert _kept() == {"a-cache": b"first"}


@pytest.mark.usefixtures("own_directory")
def test_only_programs_are_kept():
    with linked_programs() as folder:
        (folder / "a-cache").write_bytes(b"1")
        (folder / ".lockfile").touch()
    assert _files() == ["CACHEDIR.TAG", "a-cache"]


@pytest.mark.usefixtures("own_directory")
def test_what_an_error_interrupts_is_not_kept():
    with contextlib.suppress(KeyError), linked_programs() as folder:
        (folder / "a-cache").write_bytes(b"half")
        raise KeyError
    assert _kept() == {}


@pytest.mark.usefixtures("own_directory")
def test_the_programs_read_longest_ago_go_first(monkeypatch):
    monkeypatch.setattr(PROGRAMS, "max_artifacts", 3)
    _add(a=b"1", b=b"2", c=b"3")
    for age, name in enumerate("bca"):  # b was read last, and written first
        os.utime(PROGRAMS.path / f"{name}-cache", (1e9 - age, 1e8 + age))
    _add(d=b"4")
    assert sorted(_kept()) == ["b-cache", "c-cache", "d-cache"]
    monkeypatch.setattr(PROGRAMS, "max_bytes", 10)
    _add(e=b"123456789")
    assert sorted(_kept()) == ["d-cache", "e-cache"]


@pytest.mark.usefixtures("own_directory")
def test_a_folder_that_others_may_write_is_not_used():
    _add(a=b"1")
    for folder in (PROGRAMS.path, PROGRAMS.path.parent):
        folder.chmod(0o777)
        with linked_programs() as linked:
            assert linked is None
        folder.chmod(0o700)
    assert _kept() == {"a-cache": b"1"}


@pytest.mark.usefixtures("own_directory")
def test_a_folder_that_is_cleared_meanwhile_harms_nobody():
    with linked_programs() as folder:
        (folder / "a-cache").write_bytes(b"1")
        cache_clear()
    assert _kept() == {}
