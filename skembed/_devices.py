"""Which accelerators there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def show_devices() -> pd.DataFrame:
    """Return the devices that JAX sees, a row each, and whether networks run on them.

    Returns
    -------
    pandas.DataFrame
        Columns ``device``, ``platform`` (``"cpu"``, ``"gpu"``, ``"tpu"``), ``kind`` (the
        maker's name), ``memory_gib`` (what JAX may use; NaN where it does not say) and
        ``used``: every batch is shared out among the devices that are used.

    Examples
    --------
    >>> import skembed
    >>> skembed.show_devices().columns.tolist()
    ['device', 'platform', 'kind', 'memory_gib', 'used']
    """
    import pandas as pd

    from ._jax import start_jax, used_devices

    used = used_devices()
    rows = [
        {
            "device": str(device),
            "platform": device.platform,
            "kind": device.device_kind,
            "memory_gib": _memory(device),
            "used": device in used,
        }
        for device in start_jax().devices()
    ]
    return pd.DataFrame(rows)


def _memory(device) -> float:
    stats = device.memory_stats() or {}
    return stats.get("bytes_limit", float("nan")) / 2**30
