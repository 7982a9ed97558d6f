"""A report of a cross-validated classifier: one HTML page without other files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from ..evaluation import Evaluation
from ..evaluation._evaluation import mean_and_deviation
from ._confusions_display import ConfusionsDisplay
from ._gallery import STYLE, gallery, short_name
from ._mistakes import suspects_of

_MOST_PAIRS, _MOST_IMAGES, _MOST_SUSPECTS, _MOST_CLASSES = 10, 8, 40, 40
_PAGE_STYLE = """
:root { color-scheme: light dark; --line: #8883; --bar: #4a7fb5; --soft: #666; }
@media (prefers-color-scheme: dark) { :root { --soft: #aaa; --bar: #5f93c8; } }
body { margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2rem) 3rem; max-width: 72rem;
  font: 15px/1.45 system-ui, sans-serif; background: Canvas; color: CanvasText; }
h1 { font-size: 1.5rem; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { max-width: 46rem; margin: .5rem 0; }
.soft { color: var(--soft); }
.numbers { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1rem 0; }
.numbers div > b { display: block; font-size: 1.7rem; font-variant-numeric: tabular-nums; }
.note { border-left: 3px solid #c90; padding: .1rem .7rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } th:first-child { text-align: left; }
tbody th { font-weight: normal; }
.bar { position: relative; min-width: 9rem; text-align: left; }
.bar i { display: inline-block; height: .7rem; background: var(--bar); border-radius: 2px;
  vertical-align: middle; margin-right: .5rem; }
.matrix td { min-width: 1.6rem; padding: .2rem .35rem; text-align: center; border: 0; }
.matrix thead th { writing-mode: vertical-rl; transform: rotate(180deg); padding: .3rem .1rem;
  text-align: left; border: 0; font-weight: normal; }
.matrix thead th:first-child { writing-mode: horizontal-tb; transform: none; }
.matrix tbody th { text-align: left; white-space: nowrap; border: 0; position: sticky; left: 0;
  background: Canvas; }
.matrix td.right { box-shadow: inset 0 0 0 1px var(--line); }
""".strip()


def html_report(
    title: str,
    found: Evaluation,
    facts: Iterable[tuple[str, str]] = (),
    *,
    color_space: str = "rgb",
) -> str:
    """Return a page about a cross-validation: accuracy, confusions, suspects.

    Parameters
    ----------
    title : str
        Its heading.
    found : Evaluation
        With `items`.
    facts : iterable of (str, str)
        What else is said at the top: a name and a text each.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The channels of items that are arrays.

    Returns
    -------
    str
        HTML with all its pictures, and without scripts; the page may load nothing.
    """
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f'<p class="note">{escape(note)}</p>' for note in found.notes),
        _numbers(found),
        "".join(f'<p><span class="soft">{escape(a)}:</span> {escape(b)}</p>' for a, b in facts),
        "<h2>Classes</h2>",
        _classes(found),
        *_matrix(found),
        "<h2>Confused classes</h2>",
        _confused(found),
        "<h2>Suspect labels</h2>",
        _suspects(found, color_space),
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>
{_PAGE_STYLE}
{STYLE}
</style>
</head>
<body>
<main>
{chr(10).join(parts)}
</main>
</body>
</html>
"""


def _numbers(found: Evaluation) -> str:
    accuracy, deviation = mean_and_deviation(found.scores)
    n_wrong = int((found.labels != found.predicted).sum())
    spread = f"± {deviation:.3f}, mean and sd of {len(found.scores)} folds"
    cells = (
        ("accuracy", f"{accuracy:.3f}", spread),
        ("baseline", f"{found.baseline:.3f}", "always the largest class"),
        ("images", f"{len(found.labels):,}", f"of {len(found.classes)} classes"),
        ("errors", f"{n_wrong:,}", "images taken for another class"),
    )
    return (
        '<div class="numbers">'
        + "".join(
            f'<div>{name}<b>{value}</b><span class="soft">{more}</span></div>'
            for name, value, more in cells
        )
        + "</div>"
    )


def _classes(found: Evaluation) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{count:,}</td>'
        f'<td class="bar"><i style="width: {6 * recall:.2f}rem"></i>{recall:.2f}</td></tr>'
        for name, recall, count in found.recalls
    )
    return (
        '<div class="wide"><table><thead><tr><th scope="col">class</th><th scope="col">images</th>'
        '<th scope="col" style="text-align: left">recognised</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _matrix(found: Evaluation) -> Sequence[str]:
    """How often each class is taken for each; for many classes it would be no picture."""
    classes = found.classes.tolist()
    if not found.confusions or len(classes) > _MOST_CLASSES:
        return ()
    own, best = (np.searchsorted(found.classes, y) for y in (found.labels, found.predicted))
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (own, best), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    heads = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in classes)
    rows = "".join(
        f'<tr><th scope="row">{escape(str(name))}</th>'
        + "".join(_entry(counts[i, j], shares[i, j], i == j) for j in range(len(classes)))
        + "</tr>"
        for i, name in enumerate(classes)
    )
    head = f"<thead><tr><th></th>{heads}</tr></thead>"
    return (
        '<p class="soft">Rows are the classes, columns what they were taken for.</p>',
        f'<div class="wide"><table class="matrix">{head}<tbody>{rows}</tbody></table></div>',
    )


def _entry(count: int, share: float, is_right: bool) -> str:
    colour = "--bar" if is_right else "--wrong"
    strength = round(100 * share**0.6) if not is_right else round(60 * share)
    shade = f"color-mix(in srgb, var({colour}, #d33) {strength}%, transparent)"
    kind = ' class="right"' if is_right else ""
    return f'<td{kind} style="background: {shade}">{count or ""}</td>'


def _confused(found: Evaluation) -> str:
    if not found.confusions:
        return "<p>No image was taken for another class.</p>"
    shown = ConfusionsDisplay.from_predictions(
        found.labels,
        found.predicted,
        found.items,
        score=found.excess,
        n_pairs=_MOST_PAIRS,
        n_images=_MOST_IMAGES,
    )
    n = len(found.confusions)
    pairs = (
        f"The {_MOST_PAIRS} most frequent of {n:,} pairs" if n > _MOST_PAIRS else "All pairs"
    )
    return (
        f'<p class="soft">{pairs}; of each the worst {_MOST_IMAGES} images at most.</p>'
        + shown.gallery.to_html()
    )


def _suspects(found: Evaluation, color_space: str) -> str:
    table = suspects_of(found)
    if not len(table):
        return "<p>Every label is the most probable class of its image.</p>"
    shown = table.iloc[:_MOST_SUSPECTS]
    items = [found.items[row] for row in shown.index]
    captions = [
        f"{label} ({p:.0%})\n{suggested}? ({q:.0%})\n{short_name(item)}"
        for item, (label, suggested, p, q) in zip(
            items, shown.itertuples(index=False, name=None), strict=True
        )
    ]
    pictures = gallery(items, captions, color_space=color_space)
    return (
        f'<p class="soft">{len(table):,} images whose label is not the most probable class, the '
        "worst first: the label and its probability, then the class that is more probable. Folds "
        "that have not seen the image say so. Look before you change a label: the image may be "
        f"merely difficult.{_more(len(table))}</p>{pictures.to_html()}"
    )


def _more(n: int) -> str:
    return f" The first {_MOST_SUSPECTS} are shown." if n > _MOST_SUSPECTS else ""
