"""Ray Data and Daft with an embedder each worker holds: right rows, each image once.

The pages docs/ray.md and docs/daft.md run as a reader pastes them, in a folder of photographs.
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

DOCS = Path(__file__).parents[1].resolve() / "docs"


def blocks(page: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def furnish(folder: Path) -> None:
    """Put twelve photographs into a folder."""
    folder.mkdir()
    photograph = data.coffee()
    for i in range(12):
        tile = photograph[i * 16 : i * 16 + 128, i * 20 : i * 20 + 128]
        Image.fromarray(tile).save(folder / f"{i:02}.jpg")


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["SKEMBED_CACHE_DIR"] = cache = f"{folder}/store"
        furnish(Path("photographs"))
        names: dict = {"__name__": "__main__"}
        for block in blocks(f"{name}.md"):
            exec(block, names)  # noqa: S102 - the page's own examples
        paths, table, X = names["paths"], names["table"], names["X"]
        assert sorted(table["path"]) == paths
        assert len(paths) == 12
        (spec,) = cache_info(cache).specs
        assert (spec.rows, spec.misses) == (12, 12), spec
        expected = PretrainedEmbedder(cache=False).transform(list(table["path"]))
        np.testing.assert_array_equal(np.asarray(X, np.float32), expected)
        print(f"{name}: {len(paths)} rows, each image once")


if __name__ == "__main__":
    main(sys.argv[1])
