"""The embedders on one engine: OpenVINO would take another process to write each small graph."""

from __future__ import annotations

from functools import partial

import skembed

PretrainedEmbedder = partial(skembed.PretrainedEmbedder, engine="jax")
FullNetworkEmbedder = partial(skembed.FullNetworkEmbedder, engine="jax")
