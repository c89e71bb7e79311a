"""Images against Pillow, by way of the C interface.  usage: images.py FOLDER, which takes the files.

Ends with "N passed, N failed".
"""
import ctypes
import os
import sys

import numpy
from PIL import Image

LIBRARY = ctypes.CDLL(os.environ["GRADC_LIBRARY"])
for name in ("gradc_open", "gradc_dataset_files", "gradc_loader_new", "gradc_new"):
    getattr(LIBRARY, name).restype = ctypes.c_void_p
LIBRARY.gradc_message.restype = ctypes.c_char_p
LIBRARY.gradc_loader_next.restype = ctypes.c_int64

# Height and width of the pictures.
SIZES = [(1, 1), (7, 5), (37, 64), (64, 48), (300, 211)]

# Name, mode, ending, how it is saved, and how far a byte may be off.
KINDS = [
    ("gray", "L", "png", {}, 0), ("colour", "RGB", "png", {}, 0), ("clear", "RGBA", "png", {}, 0),
    ("gray and clear", "LA", "png", {}, 0), ("palette", "P", "png", {}, 0), ("one bit", "1", "png", {}, 0),
    ("gray", "L", "jpg", {"quality": 90}, 0), ("full", "RGB", "jpg", {"quality": 90, "subsampling": 0}, 0),
    ("half", "RGB", "jpg", {"quality": 80, "subsampling": 2}, 0),
    ("progressive", "RGB", "jpg", {"quality": 85, "progressive": True}, 0),
    ("cmyk", "CMYK", "jpg", {"quality": 95}, 1),
]


class Failed(Exception):
    """A call that failed, or a difference."""


def check(good):
    if not good:
        raise Failed(LIBRARY.gradc_message(None).decode())


def picture(random, height, width, mode):
    """Smooth colours and some noise."""
    y, x = numpy.mgrid[0:height, 0:width]
    planes = [128 + 90 * numpy.sin(y / (5 + 3 * c) + x / (9 - 2 * c)) + random.normal(0, 12, (height, width))
              for c in range(4)]
    pixels = numpy.clip(numpy.stack(planes, -1), 0, 255).astype(numpy.uint8)
    if mode in ("RGBA", "CMYK"):
        return Image.fromarray(pixels, mode)
    if mode == "LA":
        return Image.fromarray(pixels, "RGBA").convert("LA")
    return Image.fromarray(pixels[..., :3].copy(), "RGB").convert(mode)


def read(path, channels):
    height, width, pixels = ctypes.c_int64(), ctypes.c_int64(), ctypes.POINTER(ctypes.c_uint8)()
    check(LIBRARY.gradc_read_image(path.encode(), channels, ctypes.byref(height), ctypes.byref(width),
                                   ctypes.byref(pixels)) == 0)
    shape = (height.value, width.value) + ((3,) if channels == 3 else ())
    copy = numpy.ctypeslib.as_array(pixels, shape).astype(int)
    LIBRARY.gradc_free(pixels)
    return copy


def compare(what, wanted, got, tolerance):
    wanted = numpy.asarray(wanted).astype(float)
    if wanted.shape != got.shape:
        raise Failed(f"{what}: shape {got.shape}, not {wanted.shape}")
    off = abs(wanted - got).max()
    if off > tolerance:
        raise Failed(f"{what}: off by {off:g}, more than {tolerance}")


def decoding(folder, random, kind, size):
    name, mode, ending, options, tolerance = kind
    path = os.path.join(folder, f"decode.{ending}")
    picture(random, *size, mode).save(path, **options)
    image = Image.open(path).convert("RGB")
    compare(f"{name} {ending} {size}", image, read(path, 3), tolerance)
    compare(f"{name} {ending} {size} as gray", image.convert("L"), read(path, 1), tolerance + 1)


def loaded(path, options, side):
    """The one image of a data set, by a loader, as rows of interleaved numbers 0..255."""
    context = ctypes.c_void_p(LIBRARY.gradc_open(b"cpu"))
    data = ctypes.c_void_p(LIBRARY.gradc_dataset_files(1, (ctypes.c_char_p * 1)(path.encode()), None))
    check(data)
    loader = ctypes.c_void_p(LIBRARY.gradc_loader_new(data, f"batch=1 channels=3 image={side} {options}".encode()))
    check(loader)
    x = ctypes.c_void_p(LIBRARY.gradc_new(context, 0, 4, (ctypes.c_int64 * 4)(1, 3, side, side)))
    values = numpy.zeros((3, side, side), numpy.float32)
    good = LIBRARY.gradc_loader_next(loader, x, None) == 1
    good = good and LIBRARY.gradc_read(x, values.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(values.nbytes)) == 0
    LIBRARY.gradc_loader_free(loader)
    LIBRARY.gradc_dataset_free(data)
    LIBRARY.gradc_release(x)
    LIBRARY.gradc_close(context)
    check(good)
    return values.transpose(1, 2, 0) * 255


def resized(image, mode, side):
    """What a loader should make of an image, by Pillow's bilinear filter."""
    width, height = image.size
    if mode == "stretch":
        return image.resize((side, side), Image.BILINEAR)
    if mode == "crop":
        short = min(width, height)
        image = image.resize((width * side // short, height * side // short), Image.BILINEAR)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        return image.crop((left, top, left + side, top + side))
    if max(width, height) > side:
        long = max(width, height)
        image = image.resize((max(1, width * side // long), max(1, height * side // long)), Image.BILINEAR)
    padded = Image.new("RGB", (side, side))
    padded.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return padded


def resizing(folder, random, mode, size, side):
    path = os.path.join(folder, "resize.png")
    image = picture(random, *size, "RGB")
    image.save(path)
    compare(f"{mode} {size} to {side}", resized(image, mode, side), loaded(path, f"resize={mode}", side), 1.5)


def main(folder):
    random = numpy.random.default_rng(1)
    cases = [(decoding, kind, size) for kind in KINDS for size in SIZES]
    cases += [(resizing, mode, size, side) for mode in ("crop", "pad", "stretch") for size in SIZES
              for side in (1, 28, 64, 100)]
    failed = 0
    for case, *arguments in cases:
        try:
            case(folder, random, *arguments)
        except Failed as reason:
            failed += 1
            print(f"failed: {reason}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
