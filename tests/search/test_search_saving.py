"""An index on disk: the same after loading, whole after a kill, refused where it is damaged."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skembed import Discretizer, ImageSearch, LoadError


def test_20_000_rows_are_saved_and_loaded(rows, tmp_path):
    search = ImageSearch(None, n_neighbors=6, metric="cosine").fit(rows)
    search.remove(["7", "19999"]).save(tmp_path / "index")
    again = ImageSearch.load(tmp_path / "index")
    assert again.get_params() == search.get_params()
    np.testing.assert_array_equal(again.ids_, search.ids_)
    for one, other in zip(
        again.kneighbors(rows[:50]), search.kneighbors(rows[:50]), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert again.add(rows[:1]).names_[-1] == "20000"  # not 19999, which was given once
    assert all(path.suffix in (".npy", ".json", "") for path in (tmp_path / "index").iterdir())


def test_an_index_of_images_loads_with_its_embedder(searched, paths, tmp_path):
    searched.save(tmp_path)
    again = ImageSearch.load(tmp_path)
    assert again.embedder.get_params() == searched.embedder.get_params()
    distances, names = again.kneighbors(paths[:2])
    assert names[:, 0].tolist() == paths[:2]
    assert (distances[:, 0] == 0).all()
    again.remove(paths[0]).save(tmp_path)  # replaces it
    assert ImageSearch.load(tmp_path).names_.tolist() == paths[1:]


def test_names_may_be_any_file_names(tmp_path):
    names = ["a\nb.png", "caf\udce9.jpg", "日本.png", "https://example.org/x?y=1"]
    ImageSearch(None).fit(np.eye(4), names=names).save(tmp_path)
    assert ImageSearch.load(tmp_path).names_.tolist() == names


@pytest.mark.parametrize("other", [{"resize": "pad"}, {"normalize": "l2"}], ids=str)
def test_another_embedder_is_refused(searched, paths, tmp_path, embedder, other):
    """Its rows are as wide, and only their values tell."""
    searched.save(tmp_path)
    search = ImageSearch.load(tmp_path, embedder=clone(embedder).set_params(**other))
    for _ in range(2):
        with pytest.raises(ValueError, match="Another embedder made this index"):
            search.kneighbors(paths[:1])
    with pytest.raises(ValueError, match="Another embedder made this index"):
        search.add(paths[:1], names=["again"])


def test_an_embedder_of_another_width_is_refused(searched, paths, tmp_path):
    searched.save(tmp_path)
    search = ImageSearch.load(tmp_path, embedder=FunctionTransformer(_corners))
    with pytest.raises(ValueError, match=r"it has 1280 features, and .* gives 12"):
        search.kneighbors(paths[:1])


def _corners(images):
    return np.stack([np.asarray(image)[::63, ::63].ravel()[:12] for image in images])


def test_a_fitted_embedder_has_to_be_given(embedder, pictures, tmp_path):
    pipeline = make_pipeline(embedder, Discretizer())
    search = ImageSearch(pipeline, n_neighbors=1).fit(pictures)
    search.save(tmp_path)
    with pytest.raises(ValueError, match="made by a fitted Pipeline"):
        ImageSearch.load(tmp_path)
    again = ImageSearch.load(tmp_path, embedder=search.embedder_)
    assert again.kneighbors(pictures[2:3])[0].tolist() == [[0.0]]


@pytest.mark.parametrize("damage", ["rows", "names", "ids", "manifest", "numbers", "pickle"])
def test_damage_is_told(tmp_path, damage):
    ImageSearch(None).fit(np.eye(4)).save(tmp_path)
    manifest = tmp_path / "search.json"
    if damage == "manifest":
        manifest.write_text("{")
    elif damage == "numbers":
        facts = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**facts, "n_images": 3}))
    elif damage == "pickle":
        (path,) = tmp_path.glob("rows-*")
        np.save(path, np.array([print], object), allow_pickle=True)
    else:
        (path,) = tmp_path.glob(f"{damage}-*")
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.write_bytes(data)
    with pytest.raises(LoadError, match="is no whole index"):
        ImageSearch.load(tmp_path)


@pytest.mark.parametrize("damage", ["huge", "objects", "names"])
def test_files_that_were_not_written_by_us_are_refused(tmp_path, damage):
    """Whoever writes other files gives their digests too."""
    ImageSearch(None).fit(np.eye(4)).save(tmp_path)
    manifest = tmp_path / "search.json"
    facts = json.loads(manifest.read_text())
    name = "names" if damage == "names" else "rows"
    (path,) = tmp_path.glob(f"{name}-*")
    if damage == "huge":
        data = path.read_bytes().replace(
            b"(4, 4), }" + b" " * 13, b"(4, 4000000000000), }  ", 1
        )
        assert data != path.read_bytes()
        path.write_bytes(data)
    elif damage == "objects":
        np.save(path, np.array([print], object), allow_pickle=True)
    else:
        path.write_text("[")
    digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    manifest.write_text(json.dumps({**facts, "digests": {**facts["digests"], name: digest}}))
    with pytest.raises(LoadError, match=rf"is no whole index: {path.name} is damaged"):
        ImageSearch.load(tmp_path)


def test_an_index_without_images_is_read_again(tmp_path):
    ImageSearch(None).fit(np.eye(2), names=["a", "b"]).remove(["a", "b"]).save(tmp_path)
    assert ImageSearch.load(tmp_path).add(np.eye(2)).names_.tolist() == ["2", "3"]


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match=r"thesis\.tex"):
        ImageSearch(None).fit(np.eye(4)).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(LoadError, match=r"there is no search\.json"):
        ImageSearch.load(tmp_path)


def test_no_pickle_holds_an_index_open(searched):
    assert b"faiss" not in pickle.dumps(searched)


def kill_at_every_step(_cache, pipe, folder):
    """Save over an index; be killed at the first step, at the second, and so on to the last."""
    new = ImageSearch(None).fit(np.full((5, 3), 2.0), names=list("vwxyz"))
    for step in range(1000):
        child = os.fork()
        if not child:
            _kill_after(step)
            new.save(folder)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        found = ImageSearch.load(folder)
        pipe.send((os.WIFSIGNALED(status), found.names_.tolist(), found.rows_.shape))
        if not os.WIFSIGNALED(status):
            break
    pipe.send(None)


def _kill_after(steps):
    left = [steps]

    def count(event, _arguments):
        if event in ("open", "os.rename", "os.remove", "os.mkdir"):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    sys.addaudithook(count)


@pytest.mark.slow
def test_killed_at_any_moment_it_is_the_old_or_the_new_one(start, tmp_path):
    ImageSearch(None).fit(np.eye(4), names=list("abcd")).save(tmp_path)
    _, pipe = start(kill_at_every_step, True, tmp_path)
    seen = iter(pipe.recv, None)
    kills = [(names, shape) for was_killed, names, shape in seen if was_killed]
    old, new = (list("abcd"), (4, 4)), (list("vwxyz"), (5, 3))
    assert len(kills) > 8
    assert [one in (old, new) for one in kills] == [True] * len(kills)
    assert old in kills
    assert new in kills
    assert len(list(tmp_path.glob("rows-*"))) == 1  # what the killed ones left is gone
