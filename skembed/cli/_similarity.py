"""``skembed similarity``: how alike two images are to a network."""

from __future__ import annotations

import argparse

from ._console import Output
from ._options import make_embedder


def similarity(args: argparse.Namespace, out: Output) -> int:
    """Write the cosine of the angle between two embeddings."""
    from .. import cosine_similarity

    first, second = make_embedder(args).transform(args.images)
    out.line(f"Cosine similarity: {cosine_similarity(first, second):.6f}")
    return 0
