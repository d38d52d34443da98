"""Checking pictures and drawing them anew. Nothing of an uploaded file but its pixels ever reaches a customer."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil

from PIL import Image, ImageCms

from ecommerce.pictures.exceptions import ImageDamaged, ImageTooLarge, TooManyPixels
from ecommerce.pictures.headers import Header, read_header

MAX_FILE = 5 * 1024 * 1024  # bytes
MAX_SIDE = 10_000
MAX_PIXELS = 25_000_000
MAX_MEMORY = 144_000_000  # bytes that a decoder holds; a WebP may therefore have 9 million pixels

SIZES = (160, 480, 1080, 2048)  # the longer side, in pixels
LARGEST = SIZES[-1]
QUALITY = 82

_ORIENTATION = 0x0112  # the tag. Source: Exif 2.32, 4.6.4
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (5, 6, 7, 8)
_STRIP = 64  # rows of the result that are made at a time
_LANCZOS_REACH = 3  # rows of the source, times the scale, on either side

# What Pillow's readers raise at bytes that make no sense. Running out of time or memory is not the file's word.
_NONSENSE = (
    *(OSError, ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, EOFError),
    *(
        SyntaxError,
        RuntimeError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ),
)


@dataclass(frozen=True)
class Rendition:
    """One size of a picture, as a WebP file without anything but pixels; ``original`` is the upright whole's size."""

    original: tuple[int, int]
    size: int
    width: int
    height: int
    data: bytes


def inspect(data: bytes) -> Header:
    """Return what a picture is, having checked all that can be checked without decoding its pixels.

    Raises:
        ImageRefused: by name of what is wrong with it (``exceptions``).
    """
    if len(data) > MAX_FILE:
        raise ImageTooLarge()
    header = read_header(data)
    pixels = header.width * header.height
    too_heavy = pixels > MAX_PIXELS or pixels * header.bytes_per_pixel > MAX_MEMORY
    if too_heavy or max(header.width, header.height) > MAX_SIDE:
        raise TooManyPixels()
    try:
        with Image.open(BytesIO(data), formats=[header.format]) as image:
            size = image.size
            image.verify()
    except _NONSENSE:
        raise ImageDamaged() from None
    if size != (header.width, header.height):  # one file, two sizes: made to deceive one of us
        raise ImageDamaged()
    return header


def render(data: bytes, sizes: Sequence[int] = SIZES) -> Iterator[Rendition]:
    """Yield a picture in all ``sizes``, pixels of the longer side, the largest first: upright, in sRGB, never enlarged.

    Needs ``MAX_MEMORY`` and some 40 MB for a moment.

    Raises:
        ImageRefused: it is no picture after all; only decoding shows what is wrong inside.
    """
    header = inspect(data)
    try:
        image, original = _decode(data, header)
    except _NONSENSE:
        raise ImageDamaged() from None
    for size in sorted(sizes, reverse=True):
        image = image.resize(_fitted(image.size, size), Image.Resampling.LANCZOS)
        file = BytesIO()
        image.save(file, "WEBP", quality=QUALITY, method=4)  # takes along only what is named here
        yield Rendition(original, size, image.width, image.height, file.getvalue())


def _decode(data: bytes, header: Header) -> tuple[Image.Image, tuple[int, int]]:
    image, orientation, profile = _load(data, header)
    if image.mode == "RGBa":
        image = image.convert("RGBA")
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    lies = orientation in _ON_ITS_SIDE
    return _in_srgb(image, profile), (header.height, header.width) if lies else (header.width, header.height)


def _load(data: bytes, header: Header) -> tuple[Image.Image, int, bytes | None]:
    """Return the first frame, no larger than ``LARGEST``; the decoder's memory is free when this returns."""
    with Image.open(BytesIO(data), formats=[header.format]) as source:
        source.draft(None, (LARGEST, LARGEST))  # a large JPEG is decoded at a half, a quarter, an eighth
        source.load()
        return _shrunk(source), _orientation(source), source.info.get("icc_profile")


def _orientation(source: Image.Image) -> int:
    try:
        return int(source.getexif().get(_ORIENTATION, 1))
    except _NONSENSE:
        return 1  # of metadata that cannot be read, nothing is lost


def _shrunk(source: Image.Image) -> Image.Image:
    """Return the picture at most ``LARGEST`` long, in a mode that can be resized; strip by strip, never copying it."""
    mode, (width, height) = _target_mode(source), _fitted(source.size, LARGEST)
    scale = source.height / height
    margin = ceil(_LANCZOS_REACH * scale) + 1
    canvas = Image.new(mode, (width, height))
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        first = max(0, int(top * scale) - margin)
        last = min(source.height, ceil(bottom * scale) + margin)
        strip = _converted(source.crop((0, first, source.width, last)), mode)
        box = (0, top * scale - first, source.width, min(bottom * scale, source.height) - first)
        canvas.paste(strip.resize((width, bottom - top), Image.Resampling.LANCZOS, box), (0, top))
    return canvas


def _converted(strip: Image.Image, mode: str) -> Image.Image:
    if mode == "RGBa":
        strip = strip.convert("RGBA")  # nothing else has a way to RGBa
    elif strip.mode.startswith("I"):  # 16 bits a pixel, which a plain conversion would cut off
        strip = strip.point(lambda value: value * (1 / 256))
    return strip if strip.mode == mode else strip.convert(mode)


def _target_mode(source: Image.Image) -> str:
    if source.mode == "CMYK":
        return "CMYK"
    if source.mode in ("1", "L") or source.mode.startswith("I"):
        return "L" if "transparency" not in source.info or source.mode.startswith("I") else "RGBa"
    return "RGBa" if source.has_transparency_data else "RGB"  # RGBa: or invisible pixels would colour their neighbours


def _fitted(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        try:
            own = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode=mode)
        except (ImageCms.PyCMSError, *_NONSENSE):
            converted = None  # a broken profile, or one for another kind of picture: the numbers are taken as sRGB
        if converted is not None:
            return converted
    return image if image.mode == mode else image.convert(mode)
