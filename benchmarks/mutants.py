"""Damaged images without end: ``python benchmarks/mutants.py --count 20000 --seed 1``.

Real pictures, small, in every format that is opened and in some that are refused, are damaged
(bits, bytes, lengths, sizes, pieces of one put into another) and read. Each has to become an array
of the right shape or an ImageError, within `SECONDS` and `MEGABYTES`; whatever else happens is
printed with the number that brings it back (``--only NUMBER``), and ends in status 1. The numbers
are done in processes of their own, so a crash is one of the things that are printed. The tests run
a few.
"""

from __future__ import annotations

import argparse
import faulthandler
import functools
import io
import multiprocessing
import os
import resource
import struct
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import skimage.data
from PIL import Image

from skembed import ImageError, config_context
from skembed.images import load, prepare, read

SIZE = (24, 32)
CONVENTIONS = ("pil-bilinear-antialias", "crop-pil-bicubic-antialias", "pad-nearest-half-pixel")
MAX_PIXELS = 4_000_000
SECONDS = 20
MEGABYTES = 400
CHUNK = 500
EXTREMES = (0, 1, 2, 127, 128, 255, 2**15 - 1, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


# --- whole files -------------------------------------------------------------------------


@functools.cache
def whole_files() -> dict[str, bytes]:
    """Real small files, by name."""
    colour = Image.fromarray(skimage.data.coffee()[100:148, 200:264])
    grey, alpha = colour.convert("L"), colour.copy()
    alpha.putalpha(grey)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    floats = Image.fromarray((np.asarray(grey) / np.float32(255)).astype(np.float32))
    turned = Image.Exif()
    turned[274] = 6

    def animated(kind: str, **options) -> bytes:
        more = [colour.rotate(9), colour.rotate(18)]
        return _file(colour, kind, save_all=True, append_images=more, **options)

    whole = {
        "jpeg": _file(colour, "JPEG", exif=turned),
        "jpeg progressive": _file(colour, "JPEG", progressive=True),
        "jpeg grey": _file(grey, "JPEG"),
        "jpeg cmyk": _file(colour.convert("CMYK"), "JPEG"),
        "jpeg mpo": animated("MPO"),
        "png": _file(colour, "PNG"),
        "png palette": _file(colour.quantize(16), "PNG", transparency=3),
        "png alpha": _file(alpha, "PNG", exif=turned),
        "png 16": _file(deep, "PNG"),
        "png frames": animated("PNG"),
        "gif": _file(colour.quantize(32), "GIF"),
        "gif frames": animated("GIF", comment=b"a comment"),
        "bmp": _file(colour, "BMP"),
        "bmp palette": _file(colour.quantize(16), "BMP"),
        "dib": _file(colour, "DIB"),
        "webp": _file(colour, "WEBP", exif=turned),
        "webp lossless": _file(alpha, "WEBP", lossless=True),
        "webp frames": animated("WEBP"),
        "avif": _file(colour, "AVIF"),
        "avif alpha": _file(alpha, "AVIF"),
        "jp2": _file(colour, "JPEG2000"),
        "jp2 tiles": _file(colour, "JPEG2000", tile_size=(32, 32), irreversible=True),
        "j2k 16": _file(deep, "JPEG2000", no_jp2=True),
        "ppm": _file(colour, "PPM"),
        "pgm 16": _file(deep, "PPM"),
        "pbm": _file(grey.convert("1"), "PPM"),
        "pfm": _file(floats, "PPM"),
        "ppm plain": b"P3 3 2 255\n" + b" ".join(b"%d" % i for i in range(0, 180, 10)) + b"\n",
        "tga": _file(colour, "TGA"),
        "tga rle": _file(alpha, "TGA", rle=True),
        "tiff": _file(colour, "TIFF", exif=turned),
        "tiff 16": _file(deep, "TIFF"),
        "tiff float": _file(floats, "TIFF", compression="tiff_lzw"),
        "tiff pages": animated("TIFF", compression="packbits"),
        "tiff jpeg": _file(colour, "TIFF", compression="jpeg"),
        "tiff deflate": _file(alpha, "TIFF", compression="tiff_adobe_deflate"),
        "tiff fax": _file(grey.convert("1"), "TIFF", compression="group4"),
        "ico": _file(colour, "ICO"),
        "icns": _file(colour.resize((64, 64)), "ICNS"),
        "eps": _file(colour, "EPS"),
        "qoi": _file(colour, "QOI"),
        "pcx": _file(colour, "PCX"),
    }
    return whole | {"iptc": _iptc(whole["png"]), "raw": _camera_raw()} | _plugged(colour)


def _file(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.copy().save(stream, kind, **options)
    return stream.getvalue()


def _plugged(image: Image.Image) -> dict[str, bytes]:
    """Files of the formats whose plug-ins are installed."""
    found = {}
    for kind, module, register in (
        ("HEIF", "pillow_heif", "register_heif_opener"),
        ("JXL", "pillow_jxl", ""),
    ):
        try:
            plug_in = __import__(module)
        except ImportError:
            continue
        getattr(plug_in, register, lambda: None)()
        found[kind.lower()] = _file(image, kind)
    return found


def _iptc(payload: bytes) -> bytes:
    """A container that Pillow opens whatever it holds."""

    def field(record: int, number: int, value: bytes) -> bytes:
        return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value

    head = field(3, 60, b"\1\0") + field(3, 20, b"\0\x28") + field(3, 30, b"\0\x28")
    return (
        head
        + field(3, 120, b"\5")
        + struct.pack(">BBBHI", 0x1C, 8, 10, 0x8400, len(payload))
        + payload
    )


def _camera_raw() -> bytes:
    """As cameras write it: a thumbnail first, and the mosaic in a directory of its own."""
    tags = {254: 1, 256: 8, 257: 6, 258: 8, 259: 1, 262: 1, 273: 400, 277: 1, 278: 6, 279: 48}
    mosaic = {254: 0, 256: 64, 257: 48, 258: 8, 259: 1, 262: 32803, 273: 500, 277: 1, 278: 48}
    first, second = _directory(tags | {330: 200}), _directory(mosaic | {279: 64 * 48})
    return (
        (b"II*\0\x08\0\0\0" + first).ljust(200, b"\0") + second.ljust(300, b"\0") + bytes(3072)
    )


def _directory(tags: dict[int, int]) -> bytes:
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<H", len(tags)) + entries + bytes(4)


# --- damage ------------------------------------------------------------------------------


def flip_bits(data: bytearray, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, 9)):
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)


def flip_bits_of_the_header(data: bytearray, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, 4)):
        data[rng.integers(min(64, len(data)))] ^= 1 << rng.integers(8)


def replace_bytes(data: bytearray, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, 5)):
        data[rng.integers(len(data))] = rng.integers(256)


def cut_short(data: bytearray, rng: np.random.Generator) -> None:
    del data[rng.integers(len(data)) :]


def cut_out(data: bytearray, rng: np.random.Generator) -> None:
    begin = rng.integers(len(data))
    del data[begin : begin + rng.integers(1, 200)]


def repeat_a_piece(data: bytearray, rng: np.random.Generator) -> None:
    begin = rng.integers(len(data))
    data[begin:begin] = data[begin : begin + rng.integers(1, 200)] * int(rng.integers(1, 20))


def splice(data: bytearray, rng: np.random.Generator) -> None:
    """Put a piece of another file in."""
    others = list(whole_files().values())
    other = others[rng.integers(len(others))]
    begin, at = rng.integers(len(other)), rng.integers(len(data))
    piece = other[begin : begin + rng.integers(1, 400)]
    data[at : at + (len(piece) if rng.integers(2) else 0)] = piece


def write_an_extreme(data: bytearray, rng: np.random.Generator) -> None:
    """Write a number that lengths, counts and offsets should not be."""
    n, order = int(rng.choice([1, 2, 4])), str(rng.choice(["little", "big"]))
    value = EXTREMES[rng.integers(len(EXTREMES))] % 256**n
    at = int(rng.integers(min(len(data), 400 if rng.integers(2) else len(data))))
    data[at : at + n] = value.to_bytes(n, order)


def change_a_size(data: bytearray, rng: np.random.Generator) -> None:
    """Find the width or the height, as a number of some length, and write another."""
    order, n = str(rng.choice(["little", "big"])), int(rng.choice([2, 3, 4]))
    for side in rng.permutation([64, 48, 63, 47]):
        at = data.find(int(side).to_bytes(n, order))
        if at >= 0:
            value = int(rng.choice([1, 3, 1000, 5000, 60_000, 10**6, 2**31 - 1, 48, 64]))
            data[at : at + n] = (value % 256**n).to_bytes(n, order)
            return


def mend_checksums(data: bytearray, rng: np.random.Generator) -> None:
    """Damage a PNG where its checksums do not tell; other files as ever."""
    replace_bytes(data, rng)
    at = 8
    while data[:4] == b"\x89PNG" and at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4


DAMAGE: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    flip_bits,
    flip_bits_of_the_header,
    replace_bytes,
    cut_short,
    cut_out,
    repeat_a_piece,
    splice,
    write_an_extreme,
    change_a_size,
    mend_checksums,
)


def mutant(seed: int, number: int) -> tuple[str, bytes, np.random.Generator]:
    """The file of that number, and the generator that is to choose how it is read."""
    rng = np.random.default_rng((seed, number))
    files = list(whole_files().items())
    name, whole = files[number % len(files)]
    data = bytearray(whole)
    names = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        damage = DAMAGE[rng.integers(len(DAMAGE))]
        if len(data) > 0:
            damage(data, rng)
            names.append(damage.__name__)
    return f"{name}: {', '.join(names)}", bytes(data), rng


# --- reading -----------------------------------------------------------------------------


def outcome(data: bytes, rng: np.random.Generator) -> str:
    """What became of an image: "read" or "refused"; anything else is raised."""
    way = rng.integers(4)
    try:
        with config_context(max_image_pixels=MAX_PIXELS):
            if way == 0:
                pixels = load(data)
                return _checked(pixels, (*pixels.shape[:2], 3))
            item = _opened(data) if way == 1 else data
            convention = CONVENTIONS[rng.integers(len(CONVENTIONS))]
            decoding, grey = str(rng.choice(["exact", "scaled"])), bool(rng.integers(2))
            pixels = prepare(read(item), SIZE, convention, decoding=decoding, grey=grey)
    except ImageError:
        return "refused"
    return _checked(pixels, (*SIZE, 3))


def _checked(pixels: np.ndarray, shape: tuple[int, ...]) -> str:
    if (pixels.shape, pixels.dtype) != (shape, np.uint8):
        raise ValueError(f"an array of shape {pixels.shape} and dtype {pixels.dtype}")
    return "read"


def _opened(data: bytes) -> Image.Image | bytes:
    """A PIL image, if Pillow opens it; that it opens it is the caller's affair."""
    try:
        return Image.open(io.BytesIO(data))
    except Exception:  # noqa: BLE001 - Pillow's readers raise anything
        return data


def peak_megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run_some(seed: int, numbers: range, connection) -> None:
    """In a process of its own: tell how each number ended, before the next begins."""
    warnings.simplefilter("ignore")
    outcome(whole_files()["png"], np.random.default_rng(0))
    for kind in whole_files().values():
        outcome(kind, np.random.default_rng(0))
    for number in numbers:
        what, data, rng = mutant(seed, number)
        connection.send((number, what, "began"))
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        before = peak_megabytes()
        try:
            how = outcome(data, rng)
        except Exception as error:  # noqa: BLE001 - what is looked for
            how = f"{type(error).__name__}: {error}"
        faulthandler.cancel_dump_traceback_later()
        more = peak_megabytes() - before
        if more > MEGABYTES:
            how = f"{more} MB more ({how})"
        connection.send((number, what, how))
    connection.close()


def run_all(seed: int, numbers: range) -> tuple[Counter, list[str]]:
    """Run these numbers, and return what became of them and the faults."""
    context = multiprocessing.get_context("spawn")
    counts, faults, todo = Counter(), [], numbers
    while todo:
        theirs, ours = context.Pipe(duplex=False)
        process = context.Process(target=run_some, args=(seed, todo[:CHUNK], ours))
        process.start()
        ours.close()
        number, what, how = todo[0] - 1, "", "began"
        while theirs.poll(None):
            try:
                number, what, how = theirs.recv()
            except EOFError:
                break
            if how in ("read", "refused"):
                counts[how] += 1
            elif how != "began":
                faults.append(f"{number} ({what}) {how}")
        process.join()
        if process.exitcode:
            faults.append(f"{number} ({what}) ended its process: {process.exitcode}")
        todo = range(max(number, todo[0]) + 1, todo.stop)
    return counts, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--begin", type=int, default=0, help="the first number")
    parser.add_argument("--only", type=int, help="one number, in this process")
    options = parser.parse_args()
    # TIFF's library writes what it thinks of a file to the standard error.
    if options.only is not None:
        what, data, rng = mutant(options.seed, options.only)
        print(what, len(data), data[:80])
        print(outcome(data, rng))
        return 0
    numbers = range(options.begin, options.begin + options.count)
    counts, faults = run_all(options.seed, numbers)
    print(f"seed {options.seed}, {len(numbers):,} files: {dict(counts)}")
    print(*faults, sep="\n")
    return bool(faults)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
