"""Each family of ``keras.applications``, with all its layers, at a reduced input size."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from skembed import PretrainedEmbedder, backbones
from skembed.engines.jax import _program
from skembed.engines.jax._cpu import RULES
from skembed.engines.jax._rewrite import rewritten
from skembed.extraction import clear_programs, images_run
from skembed.extraction._programs import _programs

pytestmark = pytest.mark.slow

# The smallest of each family.
FAMILIES = (
    "resnet50",
    "resnet50_v2",
    "vgg16",
    "densenet121",
    "inception_v3",
    "inception_resnet_v2",
    "xception",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "nasnet_mobile",
    "efficientnet_b0",
    "efficientnetv2_b0",
    "convnext_tiny",
)


@pytest.fixture
def compiled_as_written(quick_compilation, monkeypatch):
    """Compile networks as they are written, and let them be rewritten for CPUs nevertheless."""
    as_written = _program.lower_for_cpu

    def traced_once(run):
        def both_ways(*args):
            network = jax.jit(run)  # whose program is kept for the second call
            row = jax.eval_shape(rewritten(network, RULES), *args)
            found = network(*args)
            assert row.shape == found.shape
            return found

        return as_written(both_ways)

    monkeypatch.setattr(_program, "lower_for_cpu", traced_once)


@pytest.mark.usefixtures("compiled_as_written")
@pytest.mark.filterwarnings("ignore:weights=None draws random weights")
@pytest.mark.parametrize("name", FAMILIES)
def test_all_layers_in_one_pass_of_one_program(name, pictures):
    clear_programs()
    embedder = PretrainedEmbedder(
        name,
        layers="all",
        weights=None,
        image_size=max(32, backbones.get(name).min_size),
        cache=False,
    )
    before = images_run()
    rows = embedder.transform(pictures[:3])
    assert images_run() - before == 3
    (program,) = _programs.values()
    assert len(program._compiled) == 1
    assert rows.shape == (3, len(embedder.get_feature_names_out()))
    assert len(embedder.layer_slices_) > 10
    assert np.isfinite(rows).all()
    # Different pictures differ somewhere in every layer: no layer is fed zeros.
    dead = [
        layer
        for layer, where in embedder.layer_slices_.items()
        if np.ptp(rows[:, where], axis=0).max() == 0
    ]
    assert not dead
    clear_programs()
