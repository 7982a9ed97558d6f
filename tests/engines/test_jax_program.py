"""The program on JAX: what it makes of batches, and what its numbers depend on.

Errors of devices are translated by themselves: no CPU gives them without harm.
"""

from __future__ import annotations

import threading

import jax
import numpy as np
import pytest
from embedding_spec import embedding_spec

from skembed import PretrainedEmbedder, engines
from skembed.engines import OutOfMemoryError
from skembed.engines.jax._program import memory_errors
from skembed.extraction import record_reports

pytestmark = pytest.mark.slow

# What of JAX rows are kept by.
_KEY = 'from skembed import engines; print(engines.get("jax").key())'


@pytest.fixture(scope="module")
def program():
    return _built()


def _built():
    return engines.get("jax").build(embedding_spec("efficientnet_lite0", 32))


def _images(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def test_two_batches_may_be_under_way(program):
    first, second = program.start(_images(8, 1)), program.start(_images(8, 2))
    rows = second(), first()
    np.testing.assert_array_equal(rows[0], program.start(_images(8, 2))())
    np.testing.assert_array_equal(rows[1], program.start(_images(8, 1))())
    assert rows[0].shape == (8, 1280)
    assert rows[0].dtype == np.float32


@pytest.mark.processor("several cores")
def test_as_many_batches_as_are_begun_are_computed_at_once(program):
    """A batch waits in its thread until all the others are in theirs: one by one, none ends."""
    together = threading.Barrier(program.in_flight, timeout=60)
    dispatch = program._dispatch

    def met(run, images):
        together.wait()
        return dispatch(run, images)

    program._dispatch = met
    try:
        waits = [program.start(_images(8, seed)) for seed in range(program.in_flight)]
        rows = [wait() for wait in waits]
    finally:
        del program._dispatch
    for seed, of_batch in enumerate(rows):
        np.testing.assert_array_equal(of_batch, program.start(_images(8, seed))())


def test_a_shape_is_compiled_once(program):
    shape, dtype = (8, 32, 32, 3), np.dtype(np.uint8)
    assert program.compile(shape, dtype) is program.compile(shape, dtype)


def test_what_a_device_says_of_memory_becomes_our_error():
    # More than any machine has. A network this large would take minutes to compile, and on a
    # CPU may end the process.
    with pytest.raises(OutOfMemoryError, match="RESOURCE_EXHAUSTED"), memory_errors():
        jax.numpy.zeros(2**46, np.uint8).block_until_ready()


def test_another_error_of_the_device_stays_what_it_is():
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"), memory_errors():
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")


def test_a_precision_that_is_set_later_changes_no_number(program):
    rows = program.start(_images(8))()
    with jax.default_matmul_precision("highest"):
        np.testing.assert_array_equal(_built().start(_images(8))(), rows)


def test_a_precision_that_is_set_first_has_rows_of_its_own(without_jax):
    plain = without_jax(_KEY)
    assert plain == without_jax(_KEY, JAX_DEFAULT_MATMUL_PRECISION="default")
    assert plain != without_jax(_KEY, JAX_DEFAULT_MATMUL_PRECISION="highest")


@pytest.mark.parametrize(
    ("variables", "changes"),
    [
        ({"XLA_FLAGS": "--xla_cpu_enable_fast_math=true"}, True),
        ({"XLA_FLAGS": "--xla_force_host_platform_device_count=2 --xla_dump_to=x"}, False),
        ({"NVIDIA_TF32_OVERRIDE": "0"}, True),
    ],
)
def test_what_the_compiler_is_told_has_rows_of_its_own(forked, variables, changes):
    assert (forked(_KEY, **variables) != forked(_KEY)) is changes


@pytest.mark.parametrize(
    "setting", [("jax_optimization_level", "O1"), ("jax_disable_most_optimizations", True)]
)
def test_what_jax_tells_the_compiler_has_rows_of_its_own(setting):
    before = engines.get("jax").key()
    name, value = setting
    was = getattr(jax.config, name, False)
    jax.config.update(name, value)
    try:
        assert engines.get("jax").key() != before
    finally:
        jax.config.update(name, was)
    assert engines.get("jax").key() == before


def test_flags_in_a_file_count_as_those_in_the_variable(forked, tmp_path):
    (tmp_path / "flags").write_text("--xla_cpu_enable_fast_math=true\n")
    program = 'from skembed import engines; print(engines.get("jax").device())'
    said = "XLA_FLAGS=--xla_cpu_enable_fast_math=true"
    for flags in (said.partition("=")[2], str(tmp_path / "flags")):
        device = forked(program, XLA_FLAGS=flags)
        assert device.partition(", compiled with ")[2] == said


def test_rows_of_a_compiler_that_optimises_little_are_kept_apart(paths, tmp_path, request):
    embedder = PretrainedEmbedder(image_size=32, engine="jax", cache=tmp_path).fit(paths)
    with record_reports() as reports:
        rows = embedder.transform(paths[:2])
        request.getfixturevalue("quick_compilation")
        others = embedder.transform(paths[:2])
    assert [report.n_run for report in reports] == [2, 2]
    np.testing.assert_allclose(others, rows, atol=1e-4)
