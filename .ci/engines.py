"""Ray Data and Daft with an embedder each worker holds: right rows, each image once.

The classes are those of docs/ray.md and docs/daft.md, as they stand there.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from skembed import PretrainedEmbedder, cache_info

DOCS = Path(__file__).parents[1] / "docs"


def code(page: str) -> str:
    """The first Python block of a page."""
    return re.search(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S)[1]


def tiles(folder: Path) -> list[str]:
    photograph = data.coffee()
    paths = []
    for i in range(12):
        path = folder / f"{i:02}.png"
        Image.fromarray(photograph[i * 16 : i * 16 + 128, i * 20 : i * 20 + 128]).save(path)
        paths.append(str(path))
    return paths


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = f"{folder}/store"
        os.environ["SKEMBED_CACHE_DIR"] = cache
        paths = tiles(Path(folder))
        table = {"paths": paths, "directory": f"{folder}/out"}
        exec(code(f"{name}.md"), table)  # noqa: S102 - the page's own example
        found = table["rows"]
        expected = PretrainedEmbedder(image_size=64, cache=False).transform(paths)
        by_path = {path: np.asarray(row, np.float32) for path, row in found}
        assert sorted(by_path) == paths
        np.testing.assert_array_equal(np.stack([by_path[path] for path in paths]), expected)
        (spec,) = cache_info(cache).specs
        assert (spec.rows, spec.misses) == (12, 12), spec
        print(f"{name}: {len(paths)} rows, each image once")


if __name__ == "__main__":
    main(sys.argv[1])
