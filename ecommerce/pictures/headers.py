"""Reading what a picture says of itself, without decoding it.

A few kilobytes can unfold to gigabytes, so format and size are read here, from the bytes alone, before any decoder sees
them. The same walk finds files that were cut off. Every function takes the whole file; memory stays as it is.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from ecommerce.pictures.exceptions import ImageDamaged, SvgRefused, UnsupportedImage

# Real progressive JPEGs have about ten. Thousands of tiny ones keep a decoder busy for minutes.
_MOST_SCANS = 100
_ENDS_SCAN = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # any marker but a stuffed byte, filling, or a restart
_HALVED_FROM = 4096  # pixels of a JPEG's shorter side: twice what drawing.render needs
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


Measures = tuple[int, int, float]  # width, height, bytes per pixel


@dataclass(frozen=True)
class Header:
    """``format`` is Pillow's name for it; the size is in pixels, before any orientation is applied.

    ``bytes_per_pixel`` is what a decoder holds at its worst.
    """

    format: str
    width: int
    height: int
    bytes_per_pixel: float


def read_header(data: bytes) -> Header:
    """Return the format and size of a whole picture.

    Raises:
        UnsupportedImage: its first bytes are of no format that the shop takes; what it is called plays no part.
        SvgRefused: it is an SVG, which gets a sentence of its own.
        ImageDamaged: it ends too early, or contradicts itself.
    """
    for start, name, measure in _FORMATS:
        if data.startswith(start):
            try:
                width, height, bytes_per_pixel = measure(data)
            except (IndexError, struct.error):
                raise ImageDamaged() from None
            if not (width and height):
                raise ImageDamaged()
            return Header(name, width, height, bytes_per_pixel)
    if re.search(rb"<(?:\w+:)?svg[\s/>]", data[:4096], re.IGNORECASE):
        raise SvgRefused()
    raise UnsupportedImage()


def _jpeg(data: bytes) -> Measures:
    measures, position, code = (0, 0, 0.0), 2, 0
    while code != 0xDA:  # the segments before the first scan
        if data[position] != 0xFF:
            raise ImageDamaged()
        while data[position] == 0xFF:
            position += 1
        code = data[position]
        position += 1
        if code in _JPEG_FRAMES:
            measures = _frame(data, position, progressive=code % 4 == 2)
        position += _segment(data, position)
    scans = 1
    while found := _ENDS_SCAN.search(data, position):
        code = found[1][0]
        if code == 0xD9:
            return measures
        scans += code == 0xDA
        if scans > _MOST_SCANS:
            break
        position = found.end() + _segment(data, found.end())
    raise ImageDamaged()


def _frame(data: bytes, position: int, *, progressive: bool) -> Measures:
    height, width, components = struct.unpack_from(">HHB", data, position + 3)
    if not progressive:
        return width, height, 4
    # All coefficients are held until the last scan, two bytes each, beside the picture; coarser components have fewer.
    factors = [data[position + 9 + 3 * index] for index in range(components)]
    beside = 1 if min(width, height) >= _HALVED_FROM else 4
    samples = [(factor >> 4) * (factor & 15) for factor in factors]
    return width, height, beside + 2 * sum(samples) / max([1, *samples])


def _segment(data: bytes, position: int) -> int:
    length: int = struct.unpack_from(">H", data, position)[0]
    if length < 2:
        raise ImageDamaged()
    return length


def _png(data: bytes) -> Measures:
    if data[12:16] != b"IHDR":
        raise ImageDamaged()
    width, height = struct.unpack_from(">II", data, 16)
    position, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, position)
        position += 12 + length
    if position > len(data):
        raise ImageDamaged()
    return width, height, 4


def _gif(data: bytes) -> Measures:
    """Walk to the end of the first frame; the others are never looked at."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _colours(flags)
    while data[position] == 0x21:  # an extension: a label, then blocks
        position = _after_blocks(data, position + 2)
    if data[position] != 0x2C:
        raise ImageDamaged()
    left, top, frame_width, frame_height, flags = struct.unpack_from("<HHHHB", data, position + 1)
    _after_blocks(data, position + 10 + _colours(flags) + 1)
    # A decoder makes room for a frame that reaches beyond the picture.
    return max(width, left + frame_width), max(height, top + frame_height), 4


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int:
    while length := data[position]:
        position += 1 + length
    return position + 1


def _webp(data: bytes) -> Measures:
    if data[8:12] != b"WEBP":
        raise UnsupportedImage()
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise ImageDamaged()
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L":
        bits: int = struct.unpack_from("<I", data, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        raise ImageDamaged()
    return width, height, 16  # two canvases of libwebp's and two copies of Pillow's


_FORMATS: tuple[tuple[bytes, str, Callable[[bytes], Measures]], ...] = (
    (b"\xff\xd8\xff", "JPEG", _jpeg),
    (b"\x89PNG\r\n\x1a\n", "PNG", _png),
    (b"GIF87a", "GIF", _gif),
    (b"GIF89a", "GIF", _gif),
    (b"RIFF", "WEBP", _webp),
)
