"""Search among 50,000 rows: exact and approximate search here, and annoy; and all near pairs.

    pip install annoy-binary imagededup     # in an environment of its own, with skembed[search]
    python benchmarks/search.py             # --rows X.npy for embeddings of your own

Rows are clustered, of low dimension inside and 1,280 features outside, as embeddings are. Every
library that is installed takes part. Recall is the share of the ten nearest that are found, times
are medians of rounds in which the libraries take turns. imagededup compares all pairs at once, and
is given fewer rows: its matrix of 50,000 would take 20 GB.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from skembed import ImageSearch
from skembed.search._groups import near_pairs

K = 10
ROUNDS = 5
SINGLE = 50  # queries, one at a time
PAIRS_OF = 10_000  # rows of which all near pairs are looked for
THRESHOLD = 0.3
Answer = Callable[[np.ndarray], np.ndarray]


def clustered(n: int, width: int = 1280, inner: int = 48) -> np.ndarray:
    """Rows of norm one, as a network's last layer gives them: clustered, and none negative."""
    random = np.random.default_rng(0)
    outward = random.standard_normal((inner, width), np.float32)
    centres = random.standard_normal((n // 40, inner), np.float32)
    inside = centres[random.integers(0, len(centres), n)]
    inside += 0.6 * random.standard_normal((n, inner), np.float32)
    rows = np.maximum(inside @ outward + random.standard_normal((n, width), np.float32) / 2, 0)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ours(algorithm: str, rows: np.ndarray) -> Answer:
    search = ImageSearch(None, n_neighbors=K, algorithm=algorithm).fit(rows)
    search.kneighbors(rows[:1])  # builds what it needs
    return lambda queries: search.kneighbors(queries)[1].astype(int)


def annoy(rows: np.ndarray) -> Answer:
    """As pupyl uses it: the angular metric, and a tree for every hundred features."""
    from annoy import AnnoyIndex

    index = AnnoyIndex(rows.shape[1], "angular")
    for i, row in enumerate(rows):
        index.add_item(i, row)
    index.build(max(1, rows.shape[1] // 100), n_jobs=-1)
    return lambda queries: np.array([index.get_nns_by_vector(query, K) for query in queries])


def compare(rows: np.ndarray, queries: np.ndarray) -> None:
    makers: dict[str, Callable[[np.ndarray], Answer]] = {
        "exact": lambda rows: ours("exact", rows),
    }
    if find_spec("faiss"):
        makers["approximate (faiss)"] = lambda rows: ours("approximate", rows)
    if find_spec("annoy"):
        makers["annoy"] = annoy
    answers, built = {}, {}
    for name, make in makers.items():
        begin = time.perf_counter()
        answers[name] = make(rows)
        built[name] = time.perf_counter() - begin
    true = answers["exact"](queries)
    together: dict[str, list[float]] = {name: [] for name in answers}
    alone: dict[str, list[float]] = {name: [] for name in answers}
    for _ in range(ROUNDS):
        for name, answer in answers.items():
            begin = time.perf_counter()
            answer(queries)
            together[name].append((time.perf_counter() - begin) / len(queries))
            begin = time.perf_counter()
            for query in queries[:SINGLE]:
                answer(query[None])
            alone[name].append((time.perf_counter() - begin) / SINGLE)
    print(f"{len(rows):,} rows of {rows.shape[1]:,} features, {K} neighbours")
    print(f"{'':22}{'recall':>8}{'in batches':>12}{'alone':>10}{'built in':>10}")
    for name, answer in answers.items():
        found = answer(queries)
        recall = np.mean([len({*a} & {*b}) / K for a, b in zip(found, true, strict=True)])
        times = [statistics.median(each[name]) * 1e3 for each in (together, alone)]
        print(f"{name:22}{recall:8.4f}{times[0]:9.2f} ms{times[1]:7.2f} ms{built[name]:8.1f} s")


def compare_pairs(rows: np.ndarray) -> None:
    print(f"all pairs within {THRESHOLD} of {len(rows):,} rows")
    begin = time.perf_counter()
    (first, second, _), _ = near_pairs(rows, THRESHOLD)
    print(f"{'skembed':22}{len(first):8,} pairs{time.perf_counter() - begin:8.1f} s")
    if not find_spec("imagededup"):
        return
    from imagededup.methods import CNN

    finder = CNN.__new__(CNN)  # without its network: it is given rows
    finder.logger, finder.verbose = logging.getLogger("imagededup"), False
    named = {f"{i}": row for i, row in enumerate(rows)}
    begin = time.perf_counter()
    found = finder.find_duplicates(
        encoding_map=named, min_similarity_threshold=1 - THRESHOLD**2 / 2
    )
    pairs = {tuple(sorted((a, b))) for a, others in found.items() for b in others}
    ours = {tuple(sorted(map(str, pair))) for pair in zip(first, second, strict=True)}
    seconds = time.perf_counter() - begin
    print(f"{'imagededup':22}{len(pairs):8,} pairs{seconds:8.1f} s, {len(pairs ^ ours)} differ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=50_000)
    parser.add_argument("--rows", help="an .npy file of embeddings instead")
    args = parser.parse_args()
    rows = np.load(args.rows) if args.rows else clustered(args.n)
    random = np.random.default_rng(1)
    queries = rows[random.integers(0, len(rows), 200)]
    queries = queries + 0.01 * random.standard_normal(queries.shape, np.float32)
    compare(rows, queries)
    near = rows[:PAIRS_OF].copy()
    near[::20] = near[1::20] + 0.003 * random.standard_normal(near[1::20].shape, np.float32)
    compare_pairs(near)


if __name__ == "__main__":
    main()
