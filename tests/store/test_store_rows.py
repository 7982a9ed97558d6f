"""What goes in comes out, bit for bit."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest
from store_helpers import WIDTH, key, known, make_spec, put, rows_of

from skembed import StoreWarning
from skembed.store import StoreSpec, open_store, store_directory


def test_nothing_is_found_before_and_everything_after(tmp_path):
    with open_store(tmp_path, make_spec()) as store:
        assert known(store, range(10)) == []
        put(store, range(5))
        assert known(store, range(10)) == [0, 1, 2, 3, 4]
    with open_store(tmp_path, make_spec()) as store:
        assert known(store, [9, 3, 0]) == [3, 0]


def test_every_bit_pattern_survives(tmp_path):
    spec = StoreSpec("0" * 16, (("top", 8),))
    bits = np.random.default_rng(0).integers(0, 2**32, (300, 8), dtype=np.uint32)
    bits[0] = [0x80000000, 0x7F800000, 0xFF800000, 0x7FC00001, 1, 0, 0xFFFFFFFF, 0x7F800001]
    keys = [key(n) for n in range(300)]
    with open_store(tmp_path, spec) as store:
        store.append(keys, bits.view(np.float32))
        found, rows = store.lookup(keys[::-1])
    assert found.all()
    assert rows[::-1].tobytes() == bits.tobytes()


def test_equal_keys_in_one_call(tmp_path):
    with open_store(tmp_path, make_spec()) as store:
        put(store, [1, 2, 1, 1])
        assert known(store, [1, 3, 1, 2, 3, 1]) == [1, 1, 2, 1]


def test_no_keys(tmp_path):
    with open_store(tmp_path, make_spec()) as store:
        put(store, [])
        found, rows = store.lookup([])
    assert found.shape == (0,)
    assert rows.shape == (0, WIDTH)


def test_more_keys_than_one_query_takes(tmp_path):
    with open_store(tmp_path, make_spec()) as store:
        put(store, range(0, 3000, 2))
        assert known(store, range(3000)) == list(range(0, 3000, 2))


def test_specs_do_not_mix(tmp_path):
    with open_store(tmp_path, make_spec()) as store:
        put(store, [1])
    for other in (make_spec(base="00aa11bb22cd"), make_spec("low"), make_spec(dtype="float16")):
        with open_store(tmp_path, other) as store:
            assert known(store, [1]) == []


@pytest.mark.parametrize(
    "layers", [("low",), ("mid",), ("top", "low"), ("mid", "top"), ("top", "mid", "low")]
)
def test_fewer_layers_come_from_the_stored_columns(tmp_path, layers):
    with open_store(tmp_path, make_spec("low", "mid", "top")) as store:
        put(store, range(6))
    with open_store(tmp_path, make_spec(*layers)) as store:
        assert known(store, range(8)) == list(range(6))


def test_a_layout_of_its_own_comes_first(tmp_path):
    with open_store(tmp_path, make_spec("low", "top")) as store:
        put(store, [1, 2])
    own = make_spec("top")
    computed = np.full((1, WIDTH), 7, np.float32)  # as if rounded otherwise
    with open_store(tmp_path, make_spec("top", base="11" * 6)) as store:
        store.append([key(1)], computed)
    with open_store(tmp_path, own) as store:
        assert known(store, [1, 2]) == [1, 2]
        store.append([key(1)], computed)
        found, rows = store.lookup([key(1), key(2)])
    assert found.all()
    assert rows[0].tobytes() == computed.tobytes()
    assert rows[1].tobytes() == rows_of([2], own).tobytes()


def test_a_layer_of_another_width_is_another_layer(tmp_path):
    with open_store(tmp_path, StoreSpec("0" * 16, (("low", 3), ("top", 5)))) as store:
        store.append([key(1)], np.ones((1, 8), np.float32))
    with open_store(tmp_path, StoreSpec("0" * 16, (("top", 4),))) as store:
        assert not store.lookup([key(1)])[0].any()


def test_float16_rounds_and_refuses_what_it_cannot_hold(tmp_path, fresh):
    spec = StoreSpec("0" * 16, (("top", 2),), "float16")
    rows = np.array([[0.1, 2.0], [70000.0, 1.0], [np.inf, np.nan]], np.float32)
    keys = [key(n) for n in range(3)]
    with open_store(tmp_path, spec) as store:
        with pytest.warns(StoreWarning, match="1 rows have numbers beyond float16"):
            store.append(keys, rows)
        found, kept = store.lookup(keys)
    assert found.tolist() == [True, False, True]
    np.testing.assert_array_equal(kept[0], rows[0].astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(kept[2], rows[2])


def test_a_known_row_is_not_written_again(tmp_path):
    with open_store(tmp_path, make_spec()) as store:
        put(store, range(4))
        store.append([key(3), key(4)], rows_of([99, 4], store.spec))
        assert known(store, range(5)) == list(range(5))
    (file,) = tmp_path.rglob("*.rows")
    assert file.stat().st_size == 5 * WIDTH * 4


@pytest.mark.slow
def test_threads_share_a_store(tmp_path):
    failures = []

    def work(store, first):
        try:
            for start in range(first, 400, 8):
                with store.lock():
                    put(store, range(start, start + 8))
                known(store, range(400))
        except BaseException as error:  # noqa: BLE001 - a thread's error must fail the test
            failures.append(error)

    with open_store(tmp_path, make_spec()) as one, open_store(tmp_path, make_spec()) as other:
        threads = [
            threading.Thread(target=work, args=(store, first))
            for first, store in ((0, one), (2, one), (4, other), (6, other))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert known(one, range(400)) == list(range(400))


def test_what_is_refused(tmp_path):
    with (
        open_store(tmp_path, make_spec()) as store,
        pytest.raises(
            ValueError, match=r"shape \(1, 24\), one row for each key; got \(2, 24\)"
        ),
    ):
        store.append([key(1)], np.zeros((2, WIDTH), np.float32))
    with pytest.raises(ValueError, match="hexadecimal digits, got"):
        StoreSpec("../../x", (("top", 1),))
    with pytest.raises(ValueError, match="Did you mean 'float16'"):
        StoreSpec("0" * 16, (("top", 1),), "float1")
    with pytest.raises(ValueError, match="one column or more"):
        StoreSpec("0" * 16, ())
    with pytest.raises(ValueError, match="cache=False"):
        store_directory(False)


def test_a_spec_travels(tmp_path):
    spec = make_spec("low", "top")
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - our own
    assert hash(spec) == hash(make_spec("low", "top", backbone="other"))


def test_private_and_named_by_digests_only(tmp_path, monkeypatch):
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path / "new" / "cache"))
    spec = StoreSpec("0" * 16, (("../../evil/%s\0", 2),), description={"backbone": "../evil"})
    with open_store(True, spec) as store, store.lock():
        store.append([key(1)], np.ones((1, 2), np.float32))
    directory = store_directory(True)
    assert directory.parent == tmp_path / "new" / "cache"
    for folder in (directory, directory.parent, directory / "rows", directory / "locks"):
        assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = (directory / "rows").iterdir()
    assert set(file.stem) <= set("0123456789abcdef-")
    assert [p.name for p in tmp_path.iterdir()] == ["new"]
