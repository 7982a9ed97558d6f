"""Tables as input of a saved pipeline that begins with columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .._errors import did_you_mean
from ._errors import CommandError
from ._images import table_errors
from ._optional import require_pyarrow

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def takes_a_table(model: Any) -> bool:
    """Whether the model was fitted on a frame, whose columns it asks for by name."""
    return hasattr(model, "feature_names_in_")


def read_table(model: Any, names: Sequence[str]) -> pd.DataFrame:
    """Read the one table that was given, and see to it that the model's columns are there."""
    columns = [str(name) for name in model.feature_names_in_]
    if len(names) != 1 or Path(names[0]).suffix not in (*_SEPARATORS, ".parquet"):
        shown = ", ".join(map(repr, columns[:10])) + (", ..." if len(columns) > 10 else "")
        raise CommandError(
            f"The model was fitted on a table with the columns {shown}: give one file with these, "
            "TABLE.csv, .tsv or .parquet, instead of images."
        )
    path = Path(names[0])
    if path.suffix == ".parquet":
        require_pyarrow("reading")
        with table_errors(path):
            frame = pd.read_parquet(path)
    else:
        with table_errors(path):
            frame = pd.read_csv(path, sep=_SEPARATORS[path.suffix])
    for column in columns:
        if column not in frame.columns:
            raise CommandError(
                f"{path} has no column {column!r}. {did_you_mean(column, map(str, frame.columns))}"
            )
    if frame.empty:
        raise CommandError(f"{path} has no rows.")
    return frame
