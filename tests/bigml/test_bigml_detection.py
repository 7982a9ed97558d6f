"""Detection is proved on made heads: no official detector can be had.

What suppresses boxes is called by itself too, and compared with brute force.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from deepnets import image_network
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skembed.bigml import create_model
from skembed.bigml._detection import suppress
from skembed.inspection import draw_boxes

CLASSES = ["cat", "dog", "hen"]
ANCHORS = ([[10.0, 14.0], [23.0, 27.0]], [[30.0, 20.0], [50.0, 45.0]])
STRIDES, SCALES, SIDE = (8, 16), (1.05, 1.2), 64
RANDOM = np.random.default_rng(3)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def detector(kernels, **more):
    """Two heads, which are convolutions whose stride is the size of a cell."""
    layers = [
        {
            "type": "convolution_2d",
            "kernel": kernel.tolist(),
            "bias": bias.tolist(),
            "strides": [stride, stride],
            "padding": "valid",
            "inputs": [] if i == 0 else [0],
        }
        for i, (stride, (kernel, bias)) in enumerate(zip(STRIDES, kernels, strict=True))
    ]
    layers = [{"type": "activation", "activation_function": "linear"}, *layers]
    layers[1]["inputs"] = [0]
    heads = [
        {"input": i + 1, "strides": STRIDES[i], "anchors": ANCHORS[i], "xyscale": SCALES[i]}
        for i in range(2)
    ]
    network = image_network(
        layers,
        [SIDE, SIDE, 3],
        base_image_network="tinyyolov4",
        loading_method="normalizing",
        outputs=heads,
    )
    return {
        "preprocess": [{"type": "image", "index": 0}],
        "image_network": network,
        "layers": [],
        "output_exposition": {"type": "bounding_box", "values": CLASSES},
        **more,
    }


@pytest.fixture(scope="module")
def kernels():
    width = 2 * (5 + len(CLASSES))
    return [
        (
            (RANDOM.normal(size=(stride, stride, 3, width)) / stride / 2).astype(np.float32),
            RANDOM.normal(size=width).astype(np.float32) / 3,
        )
        for stride in STRIDES
    ]


def boxes_by_loops(image, kernels):
    """Each box as its definition says, one after the other."""
    found = []
    for stride, scale, anchors, (kernel, bias) in zip(
        STRIDES, SCALES, ANCHORS, kernels, strict=True
    ):
        for row in range(SIDE // stride):
            for column in range(SIDE // stride):
                patch = image[row * stride :, column * stride :][:stride, :stride] / 255
                values = np.tensordot(patch, kernel, 3) + bias
                for anchor, one in zip(anchors, values.reshape(2, -1), strict=True):
                    x, y, w, h, confidence, *classes = map(float, one)
                    cx = (sigmoid(x) * scale - 0.5 * (scale - 1) + column) * stride
                    cy = (sigmoid(y) * scale - 0.5 * (scale - 1) + row) * stride
                    w, h = math.exp(w) * anchor[0], math.exp(h) * anchor[1]
                    box = np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]) / SIDE
                    found.append((box, [sigmoid(confidence) * sigmoid(c) for c in classes]))
    return np.array([box for box, _ in found]), np.array([scores for _, scores in found])


def overlap(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union > 0 else 0.0


def suppressed(boxes, scores, least, most, count):
    """The best of what is left, again and again."""
    order = sorted(
        (i for i in range(len(scores)) if scores[i] > least), key=lambda i: -scores[i]
    )
    kept: list[int] = []
    for i in order:
        if len(kept) < count and all(overlap(boxes[i], boxes[k]) <= most for k in kept):
            kept.append(i)
    return kept


@pytest.fixture(scope="module")
def photograph():
    """A photograph of the network's side, so that nothing is resized."""
    from skimage import data

    return data.astronaut()[80:144, 180:244]


def test_all_boxes_and_scores(kernels, photograph):
    model = create_model(detector(kernels), {"output_unfiltered_boxes": True})
    boxes, scores = model(photograph)
    expected, probabilities = boxes_by_loops(photograph.astype(np.float64), kernels)
    assert boxes.shape == (1, 2 * (64 + 16), 4)
    assert scores.shape == (1, 160, 3)
    np.testing.assert_allclose(boxes[0], expected * SIDE, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(scores[0], probabilities, rtol=1e-4, atol=1e-5)


def test_boxes_that_are_kept(kernels, photograph):
    """Classes are not told apart, corners are rounded, the best comes first."""
    settings = {"bounding_box_threshold": 0.3, "iou_threshold": 0.2, "max_objects": 7}
    model = create_model(detector(kernels), settings)
    found = model(photograph)
    boxes, scores = boxes_by_loops(photograph.astype(np.float64), kernels)
    kept = suppressed(boxes, scores.max(1), 0.3, 0.2, 7)
    assert 3 <= len(kept) <= 7
    assert [one["label"] for one in found] == [CLASSES[scores[i].argmax()] for i in kept]
    np.testing.assert_allclose([one["score"] for one in found], scores[kept].max(1), rtol=1e-4)
    for one, i in zip(found, kept, strict=True):
        assert set(map(type, one["box"])) == {int}
        np.testing.assert_allclose(one["box"], boxes[i] * SIDE, atol=0.51)
    assert [one["score"] for one in found] == sorted((o["score"] for o in found), reverse=True)


@pytest.mark.slow
def test_images_of_another_shape_and_several(kernels, photograph, tmp_path):
    """The image lies in the upper left corner of a square, whose side is its longer one."""
    wide = np.zeros((40, 128, 3), np.uint8)
    wide[:, :, :] = np.kron(photograph[:20], np.ones((2, 2, 1), np.uint8))
    Image.fromarray(wide).save(tmp_path / "wide.png")
    settings = {"bounding_box_threshold": 0.3}
    model = create_model(detector(kernels), settings)
    padded = np.full((SIDE, SIDE, 3), photograph[:20].mean())
    padded[:20] = photograph[:20]
    boxes, scores = boxes_by_loops(padded, kernels)
    kept = suppressed(boxes, scores.max(1), 0.3, 0.5, 32)
    one = model(str(tmp_path / "wide.png"))
    for got, i in zip(one, kept, strict=True):
        np.testing.assert_allclose(got["box"], boxes[i] * 128, atol=0.51)
    assert model([str(tmp_path / "wide.png")]) == one
    several = model([wide, photograph, str(tmp_path / "wide.png")])
    assert [len(several), several[0], several[2]] == [3, one, one]
    assert model(np.stack([photograph, photograph])) == [several[1]] * 2
    assert model([]) == []


@pytest.mark.slow
def test_lists_that_are_filled_up(kernels, photograph):
    settings = {
        "bounding_box_threshold": 1.0,
        "pad_bounding_box_output": True,
        "max_objects": 3,
    }
    nothing = {"box": [0, 0, 0, 0], "label": None, "score": 0.0}
    assert create_model(detector(kernels), settings)(photograph) == [nothing] * 3


side = st.floats(-2, 2, width=32).map(lambda x: round(x, 1))
length = st.floats(0, 2, width=32).map(lambda x: round(x, 1))
box = st.tuples(side, side, length, length)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    boxes=st.lists(box, min_size=12, max_size=12),
    scores=st.lists(st.integers(0, 1000), min_size=12, max_size=12, unique=True),
    least=st.sampled_from([0.0, 0.25, 0.9]),
    # Between the values that ratios of tenths can take, so that rounding decides nothing.
    most=st.sampled_from([1e-6, 0.123457, 0.501234, 0.999999]),
)
def test_suppression_equals_brute_force(boxes, scores, least, most):
    import jax
    import jax.numpy as jnp

    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], np.float32)
    probabilities = np.array(scores, np.float32) / 1001
    chosen, is_box = jax.jit(suppress, static_argnums=4)(
        jnp.asarray(corners), jnp.asarray(probabilities), least, most, 5
    )
    expected = suppressed(corners.astype(float), probabilities, np.float32(least), most, 5)
    assert np.asarray(chosen)[np.asarray(is_box)].tolist() == expected


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"input": 9}, "names layer 9, and there are 3"),
        ({"strides": 4}, r"has a grid of \(16, 16\) and 2 anchors"),
        ({"anchors": [[1.0, 2.0]]}, "3 classes, and a head of 16 channels for 1 anchors"),
        ({"anchors": [[1.0]]}, r"anchors has the shape \(1, 1\)"),
    ],
)
def test_heads_that_do_not_fit(kernels, change, says):
    spec = detector(kernels)
    spec["image_network"]["metadata"]["outputs"][0] |= change
    with pytest.raises(ValueError, match=says):
        create_model(spec)


def test_detectors_without_heads_or_with_other_inputs(kernels):
    spec = detector(kernels)
    spec["preprocess"].append({"type": "numeric", "index": 1, "mean": 0.0, "stdev": 1.0})
    with pytest.raises(ValueError, match="it must have one input, an image"):
        create_model(spec)
    spec = detector(kernels)
    del spec["image_network"]["metadata"]["outputs"]
    with pytest.raises(ValueError, match="a detector lists its heads"):
        create_model(spec)


def test_boxes_are_drawn(tmp_path):
    found = [
        {"box": [20, 30, 80, 60], "label": "cat", "score": 0.9},
        {"box": [-20, 50, 500, 90], "label": "dog", "score": 0.4},
        {"box": [0, 0, 0, 0], "label": None, "score": 0.0},
    ]
    grey = np.full((100, 120, 3), 128, np.uint8)
    before = grey.copy()
    drawn = np.asarray(draw_boxes(grey, found, line_width=1))
    np.testing.assert_array_equal(grey, before)
    assert drawn.shape == grey.shape
    cat, dog = drawn[45, 20], drawn[90, 100]
    assert cat.tolist() != dog.tolist() != [128] * 3
    for y, x in ((60, 50), (45, 80), (60, 80)):
        assert drawn[y, x].tolist() == cat.tolist()
    assert drawn[75, 100].tolist() == [128] * 3
    assert draw_boxes(grey, found[2:]).tobytes() == grey.tobytes()
    turned = Image.new("RGB", (40, 20))
    exif = turned.getexif()
    exif[274] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert draw_boxes(tmp_path / "turned.jpg", []).size == (40, 20)
    with pytest.raises(ValueError, match=r"A box is \[left, top, right, bottom\]"):
        draw_boxes(grey, [{"box": [1, 2, 3], "label": "cat", "score": 1.0}])
