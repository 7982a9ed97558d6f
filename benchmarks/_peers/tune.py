"""Each contender's best setting, found by trying."""

from __future__ import annotations

import time
from typing import Any

from .client import Client, Failed
from .contender import READING

_TRIES = 2  # the best of so many; a disturbance only ever slows down
_HOPELESS = 0.85  # of the best: what is slower than that is not tried again
_PATIENCE = 12.0  # seconds after the first try in which others may begin
_WITH_COMPILERS = 60.0


def turn(rate: float, seconds: float, available: int, batch: int) -> tuple[int, int]:
    """Return passes, and images in each, that take about so long; whole batches.

    Examples
    --------
    >>> turn(100, 1.2, 512, 8), turn(100, 1.2, 64, 8), turn(5, 1.2, 512, 32)
    ((1, 120), (2, 64), (1, 32))
    """
    most = available // batch * batch
    n = min(most, max(batch, int(rate * seconds) // batch * batch))
    return max(1, round(rate * seconds / n)), n


class Settling:
    """The search for a setting: one axis after another, each with the best of those before.

    Parameters
    ----------
    axes : dict of str to list
        What may be tried, the likeliest values first.
    settled : dict
        Values that are not to be tried.
    seconds : float
        For one try, about.
    available : int
        How many images there are.
    quick : bool
        Whether to take the first value of each axis.

    Attributes
    ----------
    setting : dict
        The best, so far.
    tried : dict of str to float
        Images a second.
    """

    def __init__(
        self,
        axes: dict[str, list[Any]],
        settled: dict[str, Any],
        *,
        seconds: float,
        available: int,
        quick: bool,
    ):
        self._seconds, self._available = seconds, available
        settled = {axis: value for axis, value in settled.items() if axis in axes}
        self._axes = {axis: values for axis, values in axes.items() if axis not in settled}
        self.setting: dict[str, Any] = settled
        for axis, values in self._axes.items():
            self.setting = _with(self.setting, axis, values[0])
        if quick:
            self._axes = {}
        self.tried: dict[str, float] = {}

    @property
    def of_reading(self) -> bool:
        """Whether one network serves for all that is to be tried."""
        return self._axes.keys() <= READING

    def search(self, client: Client) -> None:
        """Try in this process; what is not begun in time is left out."""
        if not self._axes:
            client.build(self.setting)
            return
        best = self._rate(client, self.setting, 0)
        patience = _WITH_COMPILERS if "run" in self._axes else _PATIENCE
        until = time.perf_counter() + patience
        for axis, values in self._axes.items():
            for value in values[1:]:
                other = _with(self.setting, axis, value)
                if other == self.setting or (best and time.perf_counter() > until):
                    continue
                rate = self._rate(client, other, best)
                if rate > best:
                    best, self.setting = rate, other
        if best == 0:
            raise Failed("no setting ran: " + "; ".join(self.tried))

    def _rate(self, client: Client, setting: dict[str, Any], best: float) -> float:
        rate = 0.0
        try:
            built = client.build(setting)
            passes, n = turn(built["rate"], self._seconds, self._available, built["n"])
            for _ in range(_TRIES):
                run = client.go(passes, n)
                rate = max(rate, run["images"] / run["seconds"])
                if rate < _HOPELESS * best:
                    break
            self.tried[in_words(setting)] = rate
        except Failed as error:  # one that cannot be had here loses
            self.tried[f"{in_words(setting)}: {error}"] = rate = 0.0
        return rate


def _with(setting: dict[str, Any], axis: str, value: Any) -> dict[str, Any]:
    return setting | (value if isinstance(value, dict) else {axis: value})


def in_words(setting: dict[str, Any]) -> str:
    return ", ".join(
        value if isinstance(value, str) else f"{axis} {value}"
        for axis, value in setting.items()
    )
