"""``skembed similarity`` and ``duplicates``: how alike images are to a network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .._files import written_whole
from ._console import Output
from ._errors import check_output, naming_unreadable
from ._options import make_embedder

if TYPE_CHECKING:
    from sklearn.utils import Bunch

_MOST_LISTED = 50  # groups, on a terminal


def similarity(args: argparse.Namespace, out: Output) -> int:
    """Write the cosine of the angle between two embeddings."""
    from .. import cosine_similarity

    first, second = make_embedder(args).transform(args.images)
    out.line(f"Cosine similarity: {cosine_similarity(first, second):.6f}")
    return 0


def duplicates(args: argparse.Namespace, out: Output) -> int:
    """List the groups, and write the page where asked."""
    if args.sheet is not None:
        check_output(args.sheet, (".html",), force=args.force)
    out.say("Looking for images")
    from ..images._globs import find_all_files

    paths = find_all_files(args.images)
    out.say(f"{len(paths):,} images through {args.backbone}")
    from ..search import near_duplicates

    embedder = make_embedder(args)
    with naming_unreadable(out):
        found = near_duplicates(
            paths, embedder=embedder, threshold=args.threshold, mirrored=args.mirrored
        )
    groups = list(_groups(found))
    n = sum(map(len, groups))
    title = f"{n:,} of {len(paths):,} images are nearly the same as others, in groups: "
    title += f"{len(groups):,}"
    if out.interactive:
        _show(out, title, groups, paths)
    else:
        out.tabbed(
            (str(number), kind, f"{distance:.3f}", paths[image])
            for number, group in enumerate(groups, 1)
            for image, kind, distance in group
        )
    if args.sheet is not None:
        from ..search._sheet import sheet

        pictures = [
            [
                (paths[i], f"{kind} {distance:.3f}".strip(), paths[i])
                for i, kind, distance in group
            ]
            for group in groups
        ]
        with written_whole(args.sheet) as (temporary,):
            temporary.write_text(sheet(title, pictures), encoding="utf-8")
        out.say(f"The pictures are in {args.sheet}")
    return 0


def _groups(found: Bunch) -> Iterator[list[tuple[int, str, float]]]:
    """The groups of two and more: each image with its kind and distance to the nearest other."""
    nearest: dict[int, tuple[float, str]] = {}
    for first, second, kind, distance in found.pairs.itertuples(index=False):
        for image in (first, second):
            nearest[image] = min(nearest.get(image, (distance, kind)), (distance, kind))
    members: dict[int, list[int]] = {}
    for image in sorted(nearest):
        members.setdefault(int(found.groups[image]), []).append(image)
    for group in members.values():
        yield [(image, nearest[image][1], nearest[image][0]) for image in group]


def _show(
    out: Output, title: str, groups: list[list[tuple[int, str, float]]], paths: Sequence[str]
) -> None:
    out.line(title, style="bold")
    if not groups:
        return
    out.text()
    out.table(
        [
            (number if not row else "", kind, f"{distance:.3f}", paths[image])
            for number, group in enumerate(groups[:_MOST_LISTED], 1)
            for row, (image, kind, distance) in enumerate(group)
        ],
        headings=("group", "kind", "distance", "image"),
        numbers=(0, 2),
    )
    if len(groups) > _MOST_LISTED:
        out.text(f"... and {len(groups) - _MOST_LISTED:,} groups more; a pipe gets all.")
