"""The networks that BigML trained: facts without a connection, weights when they are needed."""

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
from skembed.formats.bigml import _pretrained

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


def write_as_keras_2(model, path):
    """Write weights under the numbered names that Keras 2 gives, with those of a head."""
    random, numbered = np.random.default_rng(0), []
    for layer in model.layers:
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
    write_as_keras_2(theirs, folder / name)
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


def test_what_cannot_be_had(published):
    with pytest.raises(
        WeightsError, match=r"resnet18_weights_cb5ddcb5\.h5: the server answered 404"
    ):
        create_image_feature_extractor("resnet18")
    with pytest.raises(WeightsError, match="detector 'yolov4' cannot be built"):
        create_image_feature_extractor("yolov4")
    with pytest.raises(ValueError, match="Did you mean 'mobilenetv2'"):
        create_image_feature_extractor("mobilnetv2")
    with pytest.raises(FileNotFoundError, match=r"no deepnet at 'resnet51\.json'"):
        create_image_feature_extractor("resnet51.json")
