"""Processes that extract for real, killed, crowded, and on disks that fail."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from counted_search import tiles
from extraction_helpers import (
    CRUMBS,
    embed,
    embed_under_file_limit,
    kill_again_and_again,
    messages,
    save_network,
    stored,
)

from skembed import PretrainedEmbedder, StoreWarning
from skembed.extraction import images_run
from skembed.store import _connections, store_directory

KILLS = 50


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return save_network(tmp_path_factory.mktemp("network") / "small.keras")


@pytest.fixture(scope="module")
def uninterrupted(network) -> np.ndarray:
    """The rows of all crumbs, from one run without a store."""
    return PretrainedEmbedder(network, cache=False).transform(CRUMBS)


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_computes_nothing_twice(
    tmp_path, start, network, uninterrupted
):
    """Fifty times here; as often as one likes with ``benchmarks/robustness.py kills``."""
    kill_again_and_again(tmp_path, start, network, uninterrupted, KILLS, seed=0)


@pytest.mark.slow
def test_four_processes_and_overlapping_images(tmp_path, start, network, uninterrupted):
    n = len(CRUMBS)
    parts = [range(n), range(n - 1, -1, -1), range(n // 4, n), range(3 * n // 4)]
    running = [start(embed, tmp_path, network, part, 16)[1] for part in parts]
    answers = [messages(pipe)[-1] for pipe in running]
    for part, (rows, _) in zip(parts, answers, strict=True):
        assert rows.tobytes() == uninterrupted[part].tobytes()
    assert sum(run for _, run in answers) == n


@pytest.mark.slow
def test_a_file_that_may_not_grow(tmp_path, start, network, uninterrupted):
    _, pipe = start(embed_under_file_limit, tmp_path, network, 100_000)
    ((first, second), run, warned) = pipe.recv()
    assert len(warned) == 1, warned
    assert "No more embeddings are kept" in warned[0]
    assert len(CRUMBS) < run < 2 * len(CRUMBS)
    assert first.tobytes() == second.tobytes() == uninterrupted.tobytes()


def once(embedder, images, reference):
    """Transform three times: one warning, which is returned, and right rows each time."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            assert embedder.transform(images).tobytes() == reference.tobytes()
    assert [w.category for w in caught] == [StoreWarning], [str(w.message) for w in caught]
    return str(caught[0].message)


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_a_full_disk(mount):
    cache, _ = mount
    images, _ = tiles(100)  # of which 256 KiB hold the rows of some 30
    reference = PretrainedEmbedder(image_size=64, cache=False).transform(images)
    before = images_run()
    embedder = PretrainedEmbedder(image_size=64, cache=cache, batch_size=8)
    message = once(embedder, images, reference)
    assert str(cache) in message
    assert "Free some space" in message
    assert images_run() - before < 3 * len(images)  # what was kept is used


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_a_read_only_directory(request, tmp_path, network, uninterrupted):
    if os.geteuid() == 0:  # whom permissions do not bind
        cache, remount = request.getfixturevalue("mount")
        remount("ro")
    else:
        cache = tmp_path
        cache.chmod(0o500)
    message = once(PretrainedEmbedder(network, cache=cache), CRUMBS[:64], uninterrupted[:64])
    assert "No embeddings are kept" in message


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("damage", ["flipped", "truncated", "deleted", "index"])
def test_damage_is_told_and_healed(tmp_path, network, uninterrupted, damage):
    embedder = PretrainedEmbedder(network, cache=tmp_path)
    images, reference = CRUMBS[:400], uninterrupted[:400]
    embedder.transform(images)
    (rows,) = tmp_path.rglob("*.rows")
    content = bytearray(rows.read_bytes())
    if damage == "flipped":
        content[1000] ^= 1
        rows.write_bytes(content)
    elif damage == "truncated":
        rows.write_bytes(content[: len(content) // 2])
    elif damage == "deleted":
        rows.unlink()
    else:
        _connections.close(_connections.take(store_directory(tmp_path)))
        (store_directory(tmp_path) / "index.sqlite3").write_bytes(os.urandom(20_000))
    before = images_run()
    message = once(embedder, images, reference)
    lost = {"flipped": 1, "truncated": 200, "deleted": 400, "index": 400}[damage]
    assert images_run() - before == lost
    assert "damaged" in message
    assert stored(tmp_path) == 400


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_a_store_of_another_version_is_left_alone(tmp_path, network, uninterrupted):
    embedder = PretrainedEmbedder(network, cache=tmp_path)
    embedder.transform(CRUMBS[:8])
    marker = store_directory(tmp_path) / "CACHEDIR.TAG"
    marker.write_text(marker.read_text().replace("format 1", "format 2"))
    _connections.close(_connections.take(store_directory(tmp_path)))
    (rows,) = tmp_path.rglob("*.rows")
    before = rows.read_bytes()
    message = once(embedder, CRUMBS[:64], uninterrupted[:64])
    assert "format '2'" in message
    assert rows.read_bytes() == before
