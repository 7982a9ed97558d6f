"""Each contender's best setting, found by trying."""

from __future__ import annotations

from typing import Any

from .client import Client, Failed

_TRIES = 3  # the best of so many; a disturbance only ever slows down


def best_setting(
    client: Client, settled: dict[str, Any], seconds: float, quick: bool
) -> tuple[dict[str, Any], dict[str, float]]:
    """Try the values of one axis after another, each with the best of those before.

    Parameters
    ----------
    client : Client
        A process for this alone: what was tried must not count as memory of what won.
    settled : dict
        Values that are not to be tried.
    seconds : float
        For one try.
    quick : bool
        Take the first value of each axis.

    Returns
    -------
    setting : dict
    tried : dict of str to float
        Images a second.
    """
    axes = {axis: values for axis, values in client.axes().items() if axis not in settled}
    setting = settled | {axis: values[0] for axis, values in axes.items()}
    tried: dict[str, float] = {}
    if quick or not axes:
        # All the same once: what is exported or compiled the first time costs memory there.
        client.build(setting)
        return setting, tried
    best = _rate(client, setting, seconds, tried)
    for axis, values in axes.items():
        for value in dict.fromkeys(values[1:]):
            other = setting | {axis: value}
            rate = _rate(client, other, seconds, tried)
            if rate > best:
                best, setting = rate, other
    if best == 0:
        raise Failed("no setting ran: " + "; ".join(tried))
    return setting, tried


def _rate(
    client: Client, setting: dict[str, Any], seconds: float, tried: dict[str, float]
) -> float:
    try:
        built = client.build(setting)
        passes = max(1, round(built["rate"] * seconds / built["n"]))
        runs = [client.go(passes, built["n"]) for _ in range(_TRIES)]
        rate = max(run["images"] / run["seconds"] for run in runs)
        tried[in_words(setting)] = rate
    except Failed as error:  # one that cannot be had here loses
        tried[f"{in_words(setting)}: {error}"] = rate = 0.0
    return rate


def in_words(setting: dict[str, Any]) -> str:
    return ", ".join(
        value if isinstance(value, str) else f"{axis} {value}"
        for axis, value in setting.items()
    )
