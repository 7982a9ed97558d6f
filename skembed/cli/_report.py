"""An evaluation, as a person reads it."""

from __future__ import annotations

from .. import LayerKernelClassifierCV, PretrainedEmbedder
from .._text import size_of_bytes, with_tilde
from ..evaluation import Evaluation, layers_line, make_classifier
from ..extraction import Report
from ._console import Output
from ._errors import CommandError
from ._listings import store_info

_MOST_CONFUSIONS = 5
_MOST_ERRORS = 10
_MOST_COPIES = 5
_OF_THE_RUN = ("cache", "on_error", "progress")


def print_evaluation(
    out: Output,
    title: str,
    embedder: PretrainedEmbedder,
    result: Evaluation,
    layers: LayerKernelClassifierCV | None = None,
) -> None:
    """Write the tables: what was done, accuracy, classes, confusions, speed and store."""
    out.line(title, style="bold")
    for note in result.notes:
        out.text(f"Note: {note}", style="yellow")
    out.text()
    out.table(
        [
            ("embedder", described(embedder)),
            *_described_classifier(layers),
            ("accuracy", result.accuracy_line()),
            ("baseline", result.baseline_line()),
        ],
        labels=True,
    )
    out.text()
    out.table(
        [(name, f"{recall:.2f}", count) for name, recall, count in result.recalls],
        headings=("class", "recall", "images"),
        numbers=(1, 2),
    )
    if result.confusions:
        out.text()
        out.table(
            result.confusions[:_MOST_CONFUSIONS],
            headings=("confused", "taken for", "times"),
            numbers=(2,),
        )
    _print_errors(out, result)
    _print_copies(out, result)
    out.text()
    _print_run(out, embedder, result)


def described(embedder: PretrainedEmbedder) -> str:
    """The estimator as Python writes it, with its network even where that is the usual one."""
    usual = type(embedder)().get_params()
    changed = [
        f"{name}={value!r}"
        for name, value in embedder.get_params().items()
        if name not in ("backbone", *_OF_THE_RUN) and value != usual[name]
    ]
    return f"PretrainedEmbedder({', '.join([repr(str(embedder.backbone)), *changed])})"


def _described_classifier(layers: LayerKernelClassifierCV | None) -> list[tuple[str, str]]:
    """The classifier and, where it has chosen layers, these."""
    if layers is None:
        return [("classifier", repr(make_classifier()))]
    return [("classifier", "LayerKernelClassifierCV()"), ("layers", layers_line(layers))]


def _print_errors(out: Output, result: Evaluation) -> None:
    """Name the images that were taken for another class, the worst first."""
    errors = result.errors
    if not errors:
        return
    out.text()
    out.table(
        [(predicted, label, name) for name, label, predicted, _ in errors[:_MOST_ERRORS]],
        headings=("taken for", "is", "image, the worst first"),
    )
    if len(errors) > _MOST_ERRORS:
        out.text(f"... and {len(errors) - _MOST_ERRORS:,} more; --errors OUT.csv writes all.")


def _print_copies(out: Output, result: Evaluation) -> None:
    """Name images that are equal."""
    copies = result.copies
    if not copies:
        return
    out.text()
    out.table(
        [(" = ".join(names),) for names in copies[:_MOST_COPIES]],
        headings=("equal images",),
    )
    if len(copies) > _MOST_COPIES:
        out.text(f"... and {len(copies) - _MOST_COPIES:,} more.")


def _print_run(out: Output, embedder: PretrainedEmbedder, result: Evaluation) -> None:
    """Say what ran the network, how fast, and where the embeddings are kept."""
    report = result.report
    rows = [("embeddings", _where_kept(embedder))]
    if report is not None:
        engine = [("engine", report.engine)] if report.engine else []
        rows = [*engine, ("network", _network_line(report)), *rows]
    out.table(rows, labels=True)


def _network_line(report: Report) -> str:
    """Say how fast the network was, and how many images it was given."""
    counts = f"{report.n_run} ran, {report.n_found} came from the store"
    if report.n_equal:
        counts += f", {report.n_equal} equal to others"
    if not report.n_run:
        return f"{counts} in {report.total_seconds:.1f} s"
    seconds = f"{counts}; {report.total_seconds:.1f} s with start-up"
    return seconds if report.rate is None else f"{report.rate:.0f} images/s; {seconds}"


def _where_kept(embedder: PretrainedEmbedder) -> str:
    """Say where rows are kept, and how much there is."""
    if embedder.cache is False:
        return "not kept (--no-cache)"
    try:
        info = store_info()
    except CommandError as error:
        return f"not kept: {error}"
    used, cap = size_of_bytes(info.n_bytes), size_of_bytes(info.cap)
    return f"{used} of at most {cap} in {with_tilde(info.directory)}"
