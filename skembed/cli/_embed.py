"""``skembed embed``: images in, a file of features out."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import written_whole
from .._optional import require_pyarrow
from ._console import Output
from ._errors import CommandError
from ._files import check_output, storable
from ._images import images_to_embed
from ._options import make_embedder

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SUFFIXES = (".parquet", ".npy", ".csv")


def embed(args: argparse.Namespace, out: Output) -> int:
    """Embed, and write features with the path of each row."""
    path: Path = args.output
    check_output(path, SUFFIXES, force=args.force)
    companion = path.with_suffix(".paths.csv")
    if path.suffix == ".npy":
        check_output(companion, (".csv",), force=args.force)
    elif path.suffix == ".parquet":
        require_pyarrow()
    if args.quantize and args.on_error == "nan":
        raise CommandError(
            "--quantize gives int8, which cannot hold a row of NaN: leave out one of --quantize "
            "and --on-error nan."
        )
    items, labels = images_to_embed(args, out)
    embedder = make_embedder(args)
    out.say(f"{len(items):,} images through {args.backbone}")
    rows = embedder.fit_transform(items)
    names = [storable(item) for item in items]
    if path.suffix == ".npy":
        _write_npy(path, companion, rows, names, labels)
        out.line(f"{rows.shape[0]} x {rows.shape[1]} {rows.dtype} in {path}")
        out.line(f"the path of each row in {companion}")
        return 0
    frame = _frame(rows, embedder.get_feature_names_out(), names, labels)
    with written_whole(path) as (temporary,):
        if path.suffix == ".parquet":
            frame.to_parquet(temporary, index=False)
        else:
            frame.to_csv(temporary, index=False)
    out.line(f"{rows.shape[0]} x {rows.shape[1]} {rows.dtype} in {path}")
    return 0


def _frame(
    rows: np.ndarray, features: np.ndarray, names: list[str], labels: list[str] | None
) -> pd.DataFrame:
    import pandas as pd

    first = {"path": names} if labels is None else {"path": names, "label": labels}
    taken = sorted(set(first) & set(features.tolist()))
    if taken:
        raise CommandError(f"A feature of the network is named {taken[0]!r} too: write .npy.")
    frame = pd.DataFrame(rows, columns=features)
    return pd.concat([pd.DataFrame(first), frame], axis=1)


def _write_npy(
    path: Path, companion: Path, rows: np.ndarray, names: list[str], labels: list[str] | None
) -> None:
    import numpy as np

    with written_whole(path, companion) as (array, paths):
        np.save(array, rows, allow_pickle=False)
        with paths.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if labels is None:
                writer.writerow(("path",))
                writer.writerows((name,) for name in names)
            else:
                writer.writerow(("path", "label"))
                writer.writerows(zip(names, labels, strict=True))
