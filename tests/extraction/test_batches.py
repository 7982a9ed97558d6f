"""Batches: sizes, padding, counting, what overlaps, and what happens when memory runs out.

The loop over them is run by itself, with a program that has as little room as a test asks for.
"""

from __future__ import annotations

import contextlib

import joblib
import numpy as np
import pytest

from skembed import engines
from skembed.engines import Batching, OutOfMemoryError
from skembed.engines.jax import _engine as jax_engine
from skembed.engines.jax import _program as jax_program
from skembed.extraction import _batches, images_run


class Roomy:
    """A program that adds up pixels and has room for so many images at once.

    It notes what is begun and what is waited for. Where it is `late`, it says that there is no
    room only when it is waited for, as devices do.
    """

    def __init__(self, room=10**6, late=False):
        self.room, self.late, self.batch_limit = room, late, None
        self.sizes, self.notes, self.under_way, self.in_flight = [], [], 0, 2

    def compile(self, shape, dtype):
        self.notes.append(("compile", shape[0]))

    def start(self, images):
        if len(images) > self.room and not self.late:
            raise OutOfMemoryError(f"no room for {len(images)}")
        self.notes.append(("start", len(images)))
        self.under_way += 1
        # What is under way takes up room too.
        fits = len(images) <= self.room

        def wait():
            self.under_way -= 1
            if not fits:
                raise OutOfMemoryError(f"no room for {len(images)}")
            self.notes.append(("wait", len(images)))
            self.sizes.append(len(images))
            return images.reshape(len(images), -1).sum(axis=1, keepdims=True).astype(np.float32)

        return wait


def _images(n):
    return np.arange(n * 12, dtype=np.float32).reshape(n, 2, 2, 3)


def _run(program, images, *, size, halve, by_user=False):
    batching = Batching(size, size, may_halve=halve, same_bits=not halve, by_user=by_user)
    return _batches.run(program, list(images), batching)


def _rows(program, images, **options):
    return np.concatenate(list(_run(program, images, **options)))


def _sizes(engine, batch_size):
    batching = engines.get(engine).batching(batch_size)
    return batching.together, batching.at_once


@pytest.mark.parametrize(("engine", "at_once"), [("jax", 8), ("openvino", 1)])
@pytest.mark.parametrize(("asked", "together"), [(1, 1), (50, 50), ("auto", 32)])
def test_on_a_cpu_the_network_always_takes_as_many(
    asked, together, engine, at_once, monkeypatch
):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    assert _sizes(engine, asked) == (together, at_once)


@pytest.mark.parametrize(
    ("cores", "devices", "concurrent", "together"),
    [(1, 1, 1, 32), (2, 1, 2, 32), (6, 1, 6, 96), (64, 1, 8, 128), (64, 4, 1, 64)],
)
def test_enough_images_travel_together_for_all_batches_abreast(
    cores, devices, concurrent, together, monkeypatch
):
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    used = jax_engine.used_devices()[:1] * devices
    monkeypatch.setattr(jax_engine, "used_devices", lambda: used)
    assert jax_program.n_concurrent(devices) == concurrent
    assert _sizes("jax", "auto") == (together, 8 * devices)


@pytest.mark.parametrize(
    ("size", "engine", "cpu", "may"),
    [
        ("auto", "jax", False, True),
        (8, "jax", False, False),
        ("auto", "jax", True, False),
        ("auto", "openvino", False, False),
    ],
)
def test_a_size_that_is_ours_is_halved_on_accelerators(size, engine, cpu, may, monkeypatch):
    monkeypatch.setattr(jax_engine, "on_cpu", lambda: cpu)
    assert engines.get(engine).batching(size).may_halve is may


def test_many_cores_are_kept_busy(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 64)
    assert _sizes("openvino", "auto") == (256, 1)


@pytest.mark.parametrize(("n", "times"), [(1, 1), (16, 1), (17, 2), (33, 3)])
def test_every_batch_is_of_one_size(n, times):
    program = Roomy()
    before = images_run()
    rows = _rows(program, _images(n), size=16, halve=True)
    assert program.sizes == times * [16]
    assert images_run() - before == n
    np.testing.assert_array_equal(rows[:, 0], _images(n).sum(axis=(1, 2, 3)))


def test_the_next_batch_is_begun_before_the_last_is_read_back():
    program = Roomy()
    for _ in _run(program, _images(12), size=4, halve=True):
        program.notes.append(("used", 4))
    assert [what for what, _ in program.notes] == [
        *("start", "start", "wait", "used"),
        *("start", "wait", "used"),
        *("wait", "used"),
    ]


def test_as_many_are_begun_as_the_program_has_room_for():
    program = Roomy()
    program.in_flight = 4
    list(_run(program, _images(6), size=1, halve=True))
    assert [what for what, _ in program.notes] == [
        *(["start"] * 4),
        *(["wait", "start"] * 2),
        *(["wait"] * 4),
    ]


def test_rows_are_counted_when_they_are_there():
    before = images_run()
    batches = _run(Roomy(), _images(10), size=4, halve=True)
    counts = [images_run() - before for _ in batches]
    assert counts == [4, 8, 10]


def test_images_of_two_dtypes_are_one_batch():
    images = [np.full((2, 2, 3), 255, np.uint8), np.full((2, 2, 3), 0.5, np.float32)]
    rows = _rows(Roomy(), images, size=4, halve=True)
    np.testing.assert_array_equal(rows[:, 0], [255 * 12, 6])


@pytest.mark.parametrize("late", [False, True])
def test_a_batch_that_does_not_fit_is_halved_and_no_row_is_lost(late):
    program = Roomy(room=5, late=late)
    before = images_run()
    with pytest.warns(RuntimeWarning, match="going on with") as caught:
        rows = _rows(program, _images(37), size=16, halve=True)
    assert len(caught) == 2
    assert set(program.sizes) == {4}
    assert images_run() - before == 37
    np.testing.assert_array_equal(rows[:, 0], _images(37).sum(axis=(1, 2, 3)))
    # What did not fit once is not tried again.
    _rows(program, _images(16), size=16, halve=True)


def test_memory_that_runs_out_later_costs_no_row_that_was_there_and_doubles_none():
    program = Roomy(late=True)
    before = images_run()
    batches = _run(program, _images(40), size=8, halve=True)
    rows = [next(batches)]
    program.room = 5  # somebody else takes the memory: the batch under way had it already
    with pytest.warns(RuntimeWarning, match="going on with 4 images"):
        rows += list(batches)
    assert [len(batch) for batch in rows] == [8, 8, *(6 * [4])]
    assert images_run() - before == 40
    np.testing.assert_array_equal(np.concatenate(rows)[:, 0], _images(40).sum(axis=(1, 2, 3)))


def test_nothing_is_left_under_way_when_a_smaller_batch_is_begun():
    program = Roomy(room=4, late=True)
    start, under_way = program.start, []

    def noted(images):
        under_way.append((len(images), program.under_way))
        return start(images)

    program.start = noted
    with pytest.warns(RuntimeWarning):
        _rows(program, _images(16), size=8, halve=True)
    assert under_way[:3] == [(8, 0), (8, 1), (4, 0)]


def test_an_explicit_batch_size_is_an_order(monkeypatch):
    monkeypatch.setattr(jax_engine, "on_cpu", lambda: False)
    batching = engines.get("jax").batching(16)
    assert (batching.at_once, batching.by_user, batching.may_halve) == (16, True, False)
    with (
        pytest.warns(RuntimeWarning, match="one batch at a time"),
        pytest.raises(MemoryError, match=r"batch of 16 .* or 'auto'"),
    ):
        _rows(Roomy(room=5), _images(16), size=16, halve=False, by_user=True)


def test_where_a_batch_is_not_halved_one_is_computed_at_a_time():
    """Two batches under way have no room together."""
    program = Roomy()
    start = program.start

    def crowded(images):
        if program.under_way:
            raise OutOfMemoryError("no room for two")
        return start(images)

    program.start = crowded
    with pytest.warns(RuntimeWarning, match="one batch at a time") as caught:
        rows = _rows(program, _images(37), size=8, halve=False)
    assert len(caught) == 1
    assert set(program.sizes) == {8}
    np.testing.assert_array_equal(rows[:, 0], _images(37).sum(axis=(1, 2, 3)))


def test_nothing_is_left_under_way_where_the_rows_find_no_place():
    program = Roomy()
    with contextlib.closing(_run(program, _images(12), size=4, halve=True)) as rows:
        next(rows)
        assert program.under_way == 1
    assert program.under_way == 0


@pytest.mark.parametrize("halve", [False, True])
def test_what_is_made_ready_is_what_will_run(halve):
    program = Roomy()
    program.batch_limit = 4
    _batches.warm_up(program, _images(1)[0], Batching(16, 16, may_halve=halve))
    _rows(program, _images(16), size=16, halve=halve)
    assert program.notes[:2] == [(what, 4 if halve else 16) for what in ("compile", "start")]


@pytest.mark.parametrize("late", [False, True])
def test_when_nothing_fits_the_error_says_what_to_change(late):
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(MemoryError, match="smaller image_size or backbone"),
    ):
        _rows(Roomy(room=0, late=late), _images(8), size=8, halve=True)
