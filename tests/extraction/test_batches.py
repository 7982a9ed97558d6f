"""Batches: sizes, padding, counting, and what happens when memory runs out."""

from __future__ import annotations

import numpy as np
import pytest

from skembed.extraction import _batches, images_run
from skembed.extraction.engines._jax import OutOfMemoryError


class Roomy:
    """A program that adds up pixels and has room for so many images at once."""

    def __init__(self, room=10**6):
        self.room, self.batch_limit, self.sizes = room, None, []

    def __call__(self, images):
        if len(images) > self.room:
            raise OutOfMemoryError(f"no room for {len(images)}")
        self.sizes.append(len(images))
        return images.reshape(len(images), -1).sum(axis=1, keepdims=True).astype(np.float32)


def _images(n):
    return np.arange(n * 12, dtype=np.float32).reshape(n, 2, 2, 3)


@pytest.mark.parametrize(("asked", "together"), [(1, 1), (50, 50), ("auto", 32)])
def test_on_a_cpu_the_network_always_takes_as_many(asked, together):
    assert _batches.batch_sizes(asked) == (together, 8)


@pytest.mark.parametrize(("n", "times"), [(1, 1), (16, 1), (17, 2), (33, 3)])
def test_every_batch_is_of_one_size(n, times):
    program = Roomy()
    before = images_run()
    rows = _batches.run(program, _images(n), size=16, halve=True)
    assert program.sizes == times * [16]
    assert images_run() - before == n
    np.testing.assert_array_equal(rows[:, 0], _images(n).sum(axis=(1, 2, 3)))


def test_a_batch_that_does_not_fit_is_halved_and_no_row_is_lost():
    program = Roomy(room=5)
    with pytest.warns(RuntimeWarning, match="going on with") as caught:
        rows = _batches.run(program, _images(37), size=16, halve=True)
    assert len(caught) == 2
    assert set(program.sizes) == {4}
    np.testing.assert_array_equal(rows[:, 0], _images(37).sum(axis=(1, 2, 3)))
    # What did not fit once is not tried again.
    _batches.run(program, _images(16), size=16, halve=True)


def test_an_explicit_batch_size_is_an_order():
    with pytest.raises(MemoryError, match=r"batch of 16 .* or 'auto'"):
        _batches.run(Roomy(room=5), _images(16), size=16, halve=False)


def test_when_nothing_fits_the_error_says_what_to_change():
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(MemoryError, match="smaller image_size or backbone"),
    ):
        _batches.run(Roomy(room=0), _images(8), size=8, halve=True)
