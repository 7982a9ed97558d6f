"""Predictions a second of BigML's deepnets: ``python benchmarks/bigml.py MODELS``.

MODELS is the folder of the official models. The text model (641 numbers) answers 10,000 random
rows, as an array, a data frame and lists, against one call for each row, as BigML's library is
used; so does a model with two images a row, on its own rows again and again. Both run the same
compiled network, so that what is compared is the way of asking; BigML's library itself needs
TensorFlow 2.9 or older. Medians of several rounds, all after the first call.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skembed.bigml import create_model

N_SINGLE = 200  # rows that are asked about one by one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{'model':<12} {'asked as':<11} {'rows':>6} {'rows/s':>10} {'times':>7}")
    text = create_model(options.models / "text_model.json")
    rows = np.random.default_rng(0).poisson(0.02, (options.rows, 641))
    ways = {"array": rows, "frame": pd.DataFrame(rows), "lists": rows.tolist()}
    compare("text_model", text, ways, rows.tolist(), options.rounds)
    images = create_model(options.models / "official_image_regression_0.json")
    rows = image_rows(options.models, options.rows)
    compare("two images", images, {"lists": rows}, rows, options.rounds)


def image_rows(folder: Path, n_rows: int) -> list[list[Any]]:
    """The official rows, with paths, as often as it takes."""
    cases = json.loads((folder / "validation.json").read_text())["validation"]
    (case,) = [one for one in cases if one["name"] == "official_image_regression_0"]
    return [
        [
            str(folder / "images" / v[4:]) if isinstance(v, str) and v.startswith("img:") else v
            for v in row
        ]
        for row in itertools.islice(itertools.cycle(case["inputs"]), n_rows)
    ]


def compare(
    name: str, deepnet: Any, ways: dict[str, Any], rows: list[Any], rounds: int
) -> None:
    """Print the speed of each way, and how often that of row by row."""
    some = rows[:N_SINGLE]
    single = len(some) / seconds(lambda: [deepnet(row) for row in some], rounds)
    print(f"{name:<12} {'row by row':<11} {len(some):>6} {single:>10.0f} {1:>7}")
    expected = np.concatenate([deepnet(row) for row in some])
    for way, X in ways.items():
        np.testing.assert_allclose(deepnet(X)[: len(some)], expected, atol=1e-6)
        speed = len(X) / seconds(lambda X=X: deepnet(X), rounds)
        print(f"{name:<12} {way:<11} {len(X):>6} {speed:>10.0f} {speed / single:>7.1f}")


def seconds(run: Callable[[], Any], rounds: int) -> float:
    """The median time of a call, after one that compiles."""
    run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
