"""Several devices: new processes with two virtual CPUs against one."""

from __future__ import annotations

import json

import joblib
import numpy as np
import pytest

pytestmark = pytest.mark.slow

# What a process with some devices computes, and says of them.
_PROGRAM = """
import json, sys
import jax, numpy as np, skembed
from skembed import engines
import keras

keras.utils.set_random_seed(0)
network = keras.Sequential([
    keras.Input((32, 32, 3)),
    keras.layers.Conv2D(16, 3, strides=2, activation="relu", name="plain"),
    keras.layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
    keras.layers.BatchNormalization(),
    keras.layers.Conv2D(64, 1, activation="relu6", name="pointwise"),
    keras.layers.MaxPooling2D(3, 2),
    keras.layers.GlobalAveragePooling2D(),
])
images = np.random.default_rng(0).integers(0, 256, (23, 32, 32, 3), dtype=np.uint8)
rows = {}
for name, options in OPTIONS.items():
    embedder = skembed.PretrainedEmbedder(network, engine="jax", cache=False, **options)
    rows[name] = embedder.transform(images)
np.savez(OUT, **rows)
print(json.dumps({
    "used": int(skembed.show_devices()["used"].sum()),
    "sizes": [(b.together, b.at_once) for b in map(engines.get("jax").batching, ("auto", 5))],
    "key": engines.get("jax").key(),
    "live": sorted({len(a.sharding.device_set) for a in jax.live_arrays()})[-1],
}))
"""
_ODD = {"batch_size": 5}
_OPTIONS = {
    "layers": {"layers": "all", "pooling": "both"},
    "odd": _ODD,
    "bfloat16": {"precision": "bfloat16"},
}


@pytest.fixture
def outcome(forked, tmp_path):
    def run(flags: str, options: dict, setup: str = ""):
        out = tmp_path / "rows.npz"
        program = _PROGRAM.replace("OPTIONS", repr(options)).replace("OUT", repr(str(out)))
        told = json.loads(forked(setup + program, XLA_FLAGS=flags))
        with np.load(out) as rows:
            return told, dict(rows)

    return run


def test_two_devices_share_each_batch_and_give_the_bits_of_one(outcome):
    one, of_one = outcome("", _OPTIONS)
    two, of_two = outcome("--xla_force_host_platform_device_count=2", _OPTIONS)
    assert (one["used"], one["live"]) == (1, 1)
    assert (two["used"], two["live"]) == (2, 2)
    assert one["sizes"] == [[max(32, 16 * min(joblib.cpu_count(), 8)), 8], [5, 8]]
    assert two["sizes"] == [[32, 16], [5, 16]]
    assert set(of_one) == set(_OPTIONS)
    for name, rows in of_one.items():
        np.testing.assert_array_equal(of_two[name], rows, err_msg=name)
    # So both may share their rows.
    assert one["key"] == two["key"]


def test_a_default_device_narrows_the_choice(outcome):
    setup = "import jax; jax.config.update('jax_default_device', jax.devices()[1])\n"
    told, rows = outcome("--xla_force_host_platform_device_count=2", {"odd": _ODD}, setup)
    assert (told["used"], told["live"]) == (1, 1)
    assert np.isfinite(rows["odd"]).all()
