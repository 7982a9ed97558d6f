"""Fill a network from a weights file that the user names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._errors import WeightsError

SUFFIXES = (".weights.h5", ".h5", ".hdf5")


def load_weights(model: Any, path: str | Path, name: str) -> None:
    """Load `path` into `model`; every variable is filled, or a WeightsError says why not.

    Neither format holds code: ``.weights.h5`` is Keras 3's own, ``.h5`` its legacy one.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise WeightsError(f"The weights file {str(path)!r} for {name!r} does not exist.")
    if not path.name.endswith(SUFFIXES):
        raise WeightsError(
            f"{str(path)!r} is not a weights file: its name ends in none of {SUFFIXES}."
        )
    try:
        model.load_weights(path)
    # Keras reports a mismatch as any of these, h5py a damaged file as OSError.
    except (ValueError, KeyError, IndexError, AttributeError, OSError, TypeError) as error:
        reason = str(error).strip().split("\n")[0][:300]
        raise WeightsError(
            f"The weights in {str(path)!r} do not fit {name!r}: {reason}"
        ) from error
