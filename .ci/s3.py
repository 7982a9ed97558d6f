"""Put images into a bucket of a local S3 server, and read them as a user would."""

import io
import os
import zipfile

import numpy as np
from moto.server import ThreadedMotoServer
from PIL import Image

server = ThreadedMotoServer("127.0.0.1", 0)
server.start()
_, port = server.get_host_and_port()
os.environ |= {
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    "AWS_ACCESS_KEY_ID": "me",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "NO_PROXY": "127.0.0.1",
}

import boto3

from skembed import ImageError, PretrainedEmbedder, config_context, images


def encoded(level: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(stream, "png")
    return stream.getvalue()


def refusal(take, url: str, **bounds) -> str:
    try:
        take(url, **bounds)
    except ImageError as error:
        return str(error)
    raise AssertionError(f"{url} was taken")


stream = io.BytesIO()
with zipfile.ZipFile(stream, "w") as archive:
    archive.writestr("c.png", encoded(120))
objects = {
    "photos/cats/a.png": encoded(40),
    "photos/dogs/b #1?.png": encoded(80),
    "photos/notes.txt": b"no image",
    "photos/list.csv": b"file,label\ncats/a.png,cat\ns3://shop/photos/gone.png,none\n",
    "photos.zip": stream.getvalue(),
    "empty.png": b"",
}
client = boto3.client("s3")
client.create_bucket(Bucket="shop")
for key, data in objects.items():
    client.put_object(Bucket="shop", Key=key, Body=data)

urls = ["s3://shop/photos/cats/a.png", "s3://shop/photos/dogs/b #1?.png"]
for source, expected in {
    "s3://shop/photos": urls,
    "s3://shop/photos/": urls,
    "s3://shop": ["s3://shop/empty.png", *urls],
    "s3://shop/**/*.png": ["s3://shop/empty.png", *urls],
    "s3://shop/photos/cats/*": urls[:1],
    "s3://shop/photos/list.csv": [urls[0], "s3://shop/photos/gone.png"],
    "s3://shop/photos.zip": ["s3://shop/photos.zip/c.png"],
    urls[0]: urls[:1],
}.items():
    found = [name for name, _ in images.scan(source)]
    assert found == expected, (source, found)
assert [int(images.load(image)[0, 0, 0]) for _, image in images.scan("s3://shop/photos")] == [
    40,
    80,
]
assert images.read(urls[0]).digest() == images.read(encoded(40)).digest()
rows = PretrainedEmbedder(image_size=64).transform(images.scan("s3://shop/photos"))
plain = PretrainedEmbedder(image_size=64).transform([encoded(40), encoded(80)])
np.testing.assert_array_equal(rows, plain)

for url in ("s3://shop/gone.png", "s3://nowhere/a.png"):
    assert "no such file" in refusal(images.read, url)
assert "is a folder" in refusal(images.read, "s3://shop/photos")
assert "empty.png is empty" in refusal(images.read, "s3://shop/empty.png")
for url in ("s3://shop/gone", "s3://shop/*.gif", "s3://nowhere"):
    assert "no file or folder" in refusal(images.scan, url)
assert "max_bytes=50" in refusal(images.scan, "s3://shop/photos.zip", max_bytes=50)
with config_context(max_image_bytes=10):
    assert "max_image_bytes=10" in refusal(images.read, urls[0])
server.stop()
print("All was read, or refused as it should be.")
