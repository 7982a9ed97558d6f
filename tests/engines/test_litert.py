"""LiteRT as an engine: chosen for its models, its rows kept apart, the same bits whatever runs."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from skembed import PretrainedEmbedder, cache_info, engines

EXTRACTOR = "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"


@pytest.fixture(scope="module")
def model(shared):
    return shared / "models/tflite" / EXTRACTOR


@pytest.fixture(scope="module")
def photographs(shared):
    return [shared / "images" / f"{name}.jpg" for name in ("burger", "parrot", "dog")]


def test_auto_means_it_for_its_models_alone(model):
    ours = PretrainedEmbedder(model)
    assert ours.engine_ == "litert"
    assert repr(ours).endswith("# engine_='litert'")
    assert PretrainedEmbedder().engine_ != "litert"
    with pytest.raises(ValueError, match=r"'jax' cannot run .*engine='litert' can\."):
        PretrainedEmbedder(model, engine="jax").fit(["a.jpg"])
    with pytest.raises(ValueError, match="it runs TensorFlow Lite models only"):
        PretrainedEmbedder(engine="litert").fit(["a.jpg"])


def test_bits_depend_neither_on_companions_nor_on_order(model, photographs):
    embedder = PretrainedEmbedder(model, cache=False)
    together = embedder.transform(photographs)
    alone = [embedder.transform([photograph])[0] for photograph in photographs]
    np.testing.assert_array_equal(together, alone)
    back = PretrainedEmbedder(model, cache=False, batch_size=2, n_jobs=1)
    np.testing.assert_array_equal(back.transform(photographs[::-1])[::-1], together)


def test_its_rows_are_kept_under_its_name_and_version(model, photographs, tmp_path):
    PretrainedEmbedder(model, cache=tmp_path).transform(photographs)
    (kept,) = cache_info(tmp_path).specs
    assert (kept.rows, kept.description["engine"]) == (3, "litert")
    assert "ai-edge-litert" in engines.get("litert").key()["versions"]
    assert "XNNPACK" in engines.get("litert").key()["device"]


@pytest.mark.slow  # a process
def test_without_litert_models_are_described_and_one_error_names_the_extra(model):
    script = """
        import sys
        sys.modules["ai_edge_litert"] = None
        from skembed import PretrainedEmbedder, backbones
        print(backbones.from_model(sys.argv[1]).n_features)
        for engine in ("auto", "litert"):
            try:
                PretrainedEmbedder(sys.argv[1], engine=engine).fit(["a.jpg"])
            except ImportError as error:
                print(error)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(model)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    width, *errors = run.stdout.splitlines()
    assert (width, len(errors)) == ("1024", 2)
    assert all("engine='litert' needs ai-edge-litert: pip install" in e for e in errors)
    assert all("tflite]" in error for error in errors)
