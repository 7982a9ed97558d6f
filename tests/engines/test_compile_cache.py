"""Compiled networks are kept between processes, and only ours, and only if nobody objects."""

from __future__ import annotations

import json

import numpy as np
import pytest
from extraction_helpers import save_network

pytestmark = pytest.mark.slow

# JAX tells its listeners what it found in its cache, and what it did not.
_PROGRAM = """
import collections, json
import jax, numpy as np, skembed
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


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return str(save_network(tmp_path_factory.mktemp("network") / "crumbs.keras"))


@pytest.fixture
def outcome(python, network, tmp_path):
    def run(before="", **environment):
        program = _PROGRAM.replace("BEFORE", before).replace("NETWORK", repr(network))
        cache = {"SKEMBED_CACHE_DIR": str(tmp_path / "kept")}
        told = python(program, "-Werror::UserWarning", **cache, **environment)
        return json.loads(told)

    return run


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


def test_a_cache_of_the_user_s_own_stands(outcome, tmp_path):
    theirs = str(tmp_path / "theirs")
    told = outcome(JAX_COMPILATION_CACHE_DIR=theirs)
    assert told["directory"] == theirs
    assert not (tmp_path / "kept" / "compiled-programs").exists()


def test_where_nothing_can_be_written_it_runs_all_the_same(outcome, tmp_path):
    (tmp_path / "kept").write_text("a file in the folder's place")
    told = outcome()
    assert (told["hits"], told["misses"]) == (0, 0)
    assert np.isfinite(told["rows"]).all()
