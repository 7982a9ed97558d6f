"""What is shown and what is deleted."""

from __future__ import annotations

import pytest
from store_helpers import WIDTH, known, make_spec, put

from skembed import cache_clear, cache_info, config_context
from skembed.store import open_store, store_directory


def fill(cache):
    with open_store(cache, make_spec("low", "top", backbone="resnet50")) as store:
        put(store, range(8))
        known(store, range(10))
    with open_store(cache, make_spec(base="ffffffffff", backbone="vgg<16>")) as store:
        put(store, range(3))


def test_info_counts(tmp_path):
    fill(tmp_path)
    with open_store(tmp_path, make_spec("top", backbone="resnet50")) as store:
        known(store, range(4))
    info = cache_info(tmp_path)
    first, second = sorted(info.specs, key=lambda spec: spec.rows)
    assert (first.rows, first.hits, first.misses) == (3, 0, 3)
    assert (second.rows, second.hits, second.misses) == (8, 12, 8)
    assert second.layers == ("low", "top")
    assert second.n_bytes == 8 * 2 * WIDTH * 4
    assert second.description == {"backbone": "resnet50"}
    assert second.last_used >= first.last_used
    assert info.n_bytes > second.n_bytes
    assert info.directory == store_directory(tmp_path)
    assert info.specs[0] == second


def test_info_is_readable(tmp_path):
    fill(tmp_path)
    with config_context(cache_size=3 * 2**30):
        info = cache_info(tmp_path)
    assert "of 3.0 GiB in " in repr(info)
    assert "resnet50  2 layers  48 " in repr(info)
    assert "<td>vgg&lt;16&gt;</td>" in info._repr_html_()


def test_looking_makes_nothing(tmp_path):
    assert cache_info(tmp_path / "none").specs == ()
    assert "0 bytes of" in repr(cache_info(tmp_path / "none"))
    assert cache_clear(cache=tmp_path / "none") == 0
    assert list(tmp_path.iterdir()) == []


def test_clear_one_backbone_or_all(tmp_path):
    fill(tmp_path)
    with pytest.raises(ValueError, match="Did you mean 'resnet50'"):
        cache_clear("resnet5", cache=tmp_path)
    assert cache_clear("resnet50", cache=tmp_path) == 8
    assert [spec.description["backbone"] for spec in cache_info(tmp_path).specs] == ["vgg<16>"]
    with open_store(tmp_path, make_spec(base="ffffffffff")) as store:
        assert known(store, range(3)) == [0, 1, 2]
    assert cache_clear(cache=tmp_path) == 3
    assert cache_info(tmp_path).specs == ()
    assert list(tmp_path.rglob("*.rows")) == []


def test_clear_leaves_other_files(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    fill(tmp_path)
    inside = store_directory(tmp_path) / "rows" / "notes.txt"
    inside.write_text("mine too")
    cache_clear(cache=tmp_path)
    assert (tmp_path / "photo.jpg").read_bytes() == b"mine"
    assert inside.read_text() == "mine too"


def test_clear_while_a_request_runs(tmp_path):
    with open_store(tmp_path, make_spec()) as store:
        put(store, range(8))
        assert cache_clear(cache=tmp_path) == 8
        assert known(store, range(8)) == []
        put(store, range(4, 8))
        assert known(store, range(8)) == [4, 5, 6, 7]


def test_default_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path / "env"))
    assert store_directory().parent == tmp_path / "env"
    with config_context(cache_dir=str(tmp_path / "set")):
        assert store_directory().parent == tmp_path / "set"
    monkeypatch.delenv("SKEMBED_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert store_directory("here").parent == tmp_path / "here"
    assert "skembed" in store_directory().parent.name


def test_the_directory_was_deleted_by_hand(tmp_path):
    import shutil

    with open_store(tmp_path / "cache", make_spec()) as store:
        put(store, range(4))
        shutil.rmtree(tmp_path / "cache")
        assert known(store, range(4)) == []
    with open_store(tmp_path / "cache", make_spec()) as store:
        put(store, range(2))
        assert known(store, range(4)) == [0, 1]
