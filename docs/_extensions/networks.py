"""The directive ``networks``: the table of networks, from what was measured and what is known.

Measured figures are in ``benchmarks/results/networks.json``, which ``benchmarks/networks.py``
writes. Facts are those of ``skembed.backbones``.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

from skembed import backbones

RESULTS = Path(__file__).parents[2] / "benchmarks/results/networks.json"
DEFAULT = "efficientnet_lite0"
DATA = ("flowers17", "dtd10")
# In the order in which a reader would try them.
SHOWN = (
    *(DEFAULT, "efficientnet_lite1", "efficientnet_lite2", "mobilenet_v2", "squeezenet1_1"),
    *("resnet50", "vgg16"),
)


class Networks(Directive):
    """A table, and what its figures mean."""

    def run(self):
        """Write Markdown and let the page's own parser read it."""
        self.state.document.settings.env.note_dependency(str(RESULTS))
        parent = nodes.container(classes=["compact"])
        lines = StringList(markdown(), source=str(RESULTS))
        self.state.nested_parse(lines, 0, parent)
        return [parent]


def markdown() -> list[str]:
    """Give the lines that stand for the directive."""
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))
    return [*_meaning(measured), "", *_table(measured)]


def _table(measured: dict):
    heading = ("network", "features", "MB", "speed", *DATA, "licence")
    yield "| " + " | ".join(heading) + " |"
    yield "| --- | ---: | ---: | ---: | --- | --- | --- |"
    facts = backbones.table(SHOWN)
    rates = measured["speed"]["networks"]
    scores = measured["accuracy"]["networks"]
    for name in SHOWN:
        cells = [
            f"`{name}`",
            f"{facts.loc[name, 'features']:,}",
            str(facts.loc[name, "megabytes"]),
            f"{rates[name] / rates[DEFAULT]:.2g}",
            *(_score(scores.get(name, {}).get(data)) for data in DATA),
            facts.loc[name, "licence"],
        ]
        yield "| " + " | ".join(cells) + " |"


def _score(found: list | None) -> str:
    return "-" if found is None else f"{found[0]:.3f} ± {found[1]:.3f}"


def _meaning(measured: dict):
    speed, accuracy = measured["speed"], measured["accuracy"]
    yield (
        f"**Accuracy** is that of a `LinearSVC` on the embedding, for 30 test images a class: the "
        f"mean and the standard deviation over {accuracy['draws']} draws "
        f"({_date(accuracy)}). flowers17 has 17 kinds of flowers, dtd10 ten textures; a class has "
        f"{accuracy['train']} training images."
    )
    yield ""
    yield (
        f"**Speed** is images a second, over those of EfficientNet-Lite0, which are "
        f"{speed['networks'][DEFAULT]:.0f}. Images had been decoded and resized; the engine is "
        f"the one that skembed chooses; medians of {speed['rounds']} rounds, in which "
        f"the networks took turns "
        f"({_date(speed)}, {speed['processor']}, {speed['cores']} cores{_busy(speed['others'])})."
    )


def _busy(others: float) -> str:
    """What else the machine did, where that matters."""
    return f"; other programs took {others:.0%} of the time that was computed" * (others > 0.05)


def _date(measured: dict) -> str:
    date = dt.date.fromisoformat(measured["date"])
    return f"{date.day} {date:%B %Y}"


def setup(app):
    """Add the directive."""
    app.add_directive("networks", Networks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
