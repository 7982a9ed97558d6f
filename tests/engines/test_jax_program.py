"""The program on JAX: what it makes of batches, and what its numbers depend on."""

from __future__ import annotations

import threading

import jax
import numpy as np
import pytest

from skembed.engines import OutOfMemoryError
from skembed.engines.jax._program import JaxProgram, memory_errors
from skembed.extraction._spec import make_spec

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program():
    return JaxProgram(make_spec("efficientnet_lite0", image_size=32, engine="jax").network)


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
        other = JaxProgram(make_spec("efficientnet_lite0", image_size=32, engine="jax").network)
        np.testing.assert_array_equal(other.start(_images(8))(), rows)


def test_a_precision_that_is_set_first_has_rows_of_its_own(python):
    program = """
from skembed.extraction._spec import make_spec
print(make_spec("resnet50", engine="jax").base())
"""
    plain = python(program)
    assert plain == python(program, JAX_DEFAULT_MATMUL_PRECISION="default")
    assert plain != python(program, JAX_DEFAULT_MATMUL_PRECISION="highest")
