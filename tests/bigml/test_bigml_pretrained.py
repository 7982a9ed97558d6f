"""The networks that BigML trained: facts without a connection, weights when they are needed.

Detectors are built by themselves where their weights, which nobody can have here, would be fetched.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading

import h5py
import keras
import numpy as np
import pytest
from deepnets import dense

from skembed import WeightsError, config_context
from skembed.bigml import PRETRAINED, create_image_feature_extractor, create_model
from skembed.bigml._images import rescaled
from skembed.formats.bigml import _pretrained
from skembed.formats.bigml._image_network import ImageNetwork
from skembed.formats.bigml._json import Node
from skembed.formats.bigml._stored_weights import StoredLayer, fill

IMAGE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Gives the files of a folder, and notes down which."""

    def __init__(self, *args, seen, **kwargs):
        self.seen = seen
        super().__init__(*args, **kwargs)

    def do_GET(self):
        self.seen.append(self.path)
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder that a server on this machine gives away as BigML's, and what it was asked for."""
    folder, seen = tmp_path / "published", []
    folder.mkdir()
    handler = functools.partial(Handler, directory=str(folder), seen=seen)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr(_pretrained, "ADDRESS", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("BIGML_SENSENET_CACHE_PATH", str(tmp_path / "weights"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with config_context(allow_private_urls=True), contextlib.ExitStack() as stack:
        stack.callback(thread.join)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        yield folder, seen


def write_as_keras_2(layers, path):
    """Write weights under the numbered names that Keras 2 gives, with those of a head."""
    random, numbered = np.random.default_rng(0), []
    for layer in layers:
        if layer.weights:
            kind = type(layer).__name__
            base = {"Conv2D": "conv2d", "DepthwiseConv2D": "depthwise_conv2d"}.get(
                kind, "batch"
            )
            numbered.append((f"{base}_{len(numbered)}", layer))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name, _ in [*numbered, ("dense", 0)]]
        for name, layer in numbered:
            values = [random.uniform(0.5, 1.5, one.shape) for one in layer.weights]
            if len(values) == 1:  # a kernel
                values[0] = (values[0] - 1) / np.sqrt(np.prod(values[0].shape[:-2]))
            layer.set_weights(values)
            names = [one.name for one in layer.weights]
            if name.startswith("depthwise"):
                names = ["depthwise_kernel"]
            file.create_group(name).attrs["weight_names"] = [
                f"{one}:0".encode() for one in names
            ]
            for one, variable in zip(names, layer.weights, strict=True):
                file[name].create_dataset(f"{one}:0", data=np.asarray(variable.value))
        file.create_group("dense").attrs["weight_names"] = [b"kernel:0"]
        file["dense"].create_dataset("kernel:0", data=np.zeros((1024, 1000), np.float32))


@pytest.mark.slow  # MobileNet, twice
@pytest.mark.usefixtures("quick_compilation")
def test_weights_are_fetched_once_into_layers_that_are_those_of_keras(published, tmp_path):
    """For a document that only names the network, here of a small side."""
    folder, seen = published
    name = PRETRAINED["mobilenet"].weights_file
    make = keras.applications.MobileNet
    theirs = make(weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3))
    write_as_keras_2(theirs.layers, folder / name)
    network = PRETRAINED["mobilenet"].image_network
    network["metadata"] |= {"input_image_shape": [32, 32, 3]}
    spec = {
        "preprocess": [{"type": "image", "index": 0}],
        "image_network": network,
        "layers": [dense(np.eye(1024, 2))],
        "output_exposition": {"type": "categorical", "values": ["a", "b"]},
    }
    with pytest.raises(ValueError, match="load_pretrained_weights=False"):
        create_model(spec, {"load_pretrained_weights": False})
    assert seen == []
    with pytest.warns(UserWarning, match="does not publish the layers of 'mobilenet'"):
        found = create_model(spec)(IMAGE)
    expected = theirs.predict(IMAGE[None] / np.float32(127.5) - 1, verbose=0)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(found, expected[:, :2], rtol=1e-4, atol=1e-4)
    assert seen == [f"/{name}"]
    assert (tmp_path / "weights" / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.slow
def test_a_file_that_is_too_short_is_no_file(published, tmp_path):
    """One that lies there is fetched again, and one that arrives is refused; one error says all."""
    folder, seen = published
    name = PRETRAINED["resnet50"].weights_file
    for place in (folder, tmp_path / "weights"):
        place.mkdir(exist_ok=True)
        (place / name).write_bytes(b"short")
    with pytest.raises(WeightsError) as told:
        create_image_feature_extractor("resnet50")
    assert seen == [f"/{name}"]
    assert "sent 5 bytes, less than 128.0 KiB" in str(told.value)
    here = f"{_pretrained.ADDRESS}/{name}", str(tmp_path / "weights")
    for part in (*here, "BIGML_SENSENET_CACHE_PATH", "PretrainedEmbedder"):
        assert part in str(told.value)
    with pytest.raises(WeightsError, match="tried again after"):
        create_image_feature_extractor("resnet50")
    assert len(seen) == 1


@pytest.mark.parametrize("name", PRETRAINED)
def test_one_error_says_which_file_is_missing(name, published, tmp_path):
    """Of all seven, as a name and in a document that only names it."""
    network = PRETRAINED[name]
    parts = (
        network.weights_file,
        f"{_pretrained.ADDRESS}/{network.weights_file}",
        str(tmp_path),
    )
    for make, given in ((create_image_feature_extractor, name), (create_model, naming(name))):
        with pytest.raises(WeightsError) as told:
            make(given)
        assert all(part in str(told.value) for part in parts)


def test_what_cannot_be_had(published):
    with pytest.raises(ValueError, match="Did you mean 'mobilenetv2'"):
        create_image_feature_extractor("mobilnetv2")
    with pytest.raises(FileNotFoundError, match=r"no deepnet at 'resnet51\.json'"):
        create_image_feature_extractor("resnet51.json")


def naming(name):
    """A document that names a network and holds none of it."""
    is_detector = PRETRAINED[name].is_detector
    values = [f"c{i}" for i in range(80 if is_detector else 2)]
    kind = "bounding_box" if is_detector else "categorical"
    return {
        "preprocess": [{"type": "image", "index": 0}],
        "image_network": PRETRAINED[name].image_network,
        "layers": [] if is_detector else [dense(np.eye(PRETRAINED[name].n_features, 2))],
        "output_exposition": {"type": kind, "values": values},
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "n_values"), [("tinyyolov4", 6_056_606), ("yolov4", 64_363_101)]
)
def test_detectors_have_as_many_weights_as_those_of_darknet(name, n_values):
    network = ImageNetwork(Node(PRETRAINED[name].image_network, name), fetch=False)
    found = network.model.trainable_weights
    assert sum(int(np.prod(one.shape)) for one in found) == n_values
    assert network.extractor.output_shape == (None, PRETRAINED[name].n_features)
    grids = [side // head.stride for head in network.heads for side in network.size[:1]]
    assert [output.shape[1] for output in network.model.outputs] == grids


def small(name):
    """The network of a detector for small images."""
    network = PRETRAINED[name].image_network
    network["metadata"] |= {"input_image_shape": [64, 64, 3]}
    return network


def as_made(network):
    """The layers of an image network in the order of its document."""
    places = {name: i for i, name in enumerate(network.orders[0])}
    layers = [layer for layer in network.model.layers if layer.weights]
    return sorted(layers, key=lambda layer: places[layer.name])


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
def test_weights_of_the_small_detector_by_their_numbers(published):
    """The vector is the mean of the last head, and the numbers fit in one way."""
    folder, _ = published
    theirs = ImageNetwork(Node(small("tinyyolov4"), "x"), fetch=False)
    write_as_keras_2(as_made(theirs), folder / PRETRAINED["tinyyolov4"].weights_file)
    spec = naming("tinyyolov4") | {"image_network": small("tinyyolov4")}
    with pytest.warns(UserWarning, match="does not publish the layers of 'tinyyolov4'"):
        extract = create_image_feature_extractor(spec)
    *_, head = theirs.model(rescaled(IMAGE, theirs.size, "pad")[None] / np.float32(255))
    expected = np.asarray(head).mean(axis=(1, 2))
    np.testing.assert_allclose(
        extract(IMAGE), expected, rtol=0, atol=1e-4 * np.abs(expected).max()
    )


@pytest.mark.slow
def test_weights_of_the_large_detector_fit_in_two_ways():
    """Pairs of its layers lie side by side: numbers alone do not tell which came first."""
    network = ImageNetwork(Node(small("yolov4"), "x"), fetch=False)
    stored = [
        StoredLayer(
            f"{'conv2d' if layer.name.startswith('conv') else 'batch'}_{i}",
            {one.name: np.broadcast_to(np.float32(0), one.shape) for one in layer.weights},
        )
        for i, layer in enumerate(as_made(network))
    ]
    with pytest.raises(WeightsError, match="in more than one way"):
        fill(network.model, stored, network.orders, "the file", is_part=True)
