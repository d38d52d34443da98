"""Pictures for tests, drawn when they are needed."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw

ORIENTATION, MAKE, GPS, LATITUDE = 0x0112, 0x010F, 0x8825, 2
CANARY = b"Nairobi-West-canary"


def drawn(width: int = 60, height: int = 40, *, mode: str = "RGB", left: Any = None, right: Any = None) -> Image.Image:
    """Return a picture whose left half is red (or ``left``) and whose right half is blue (or ``right``)."""
    colours = {"L": (60, 200), "CMYK": ((0, 255, 255, 0), (255, 255, 0, 0)), "RGBA": ((255, 0, 0, 255), (0, 0, 255, 0))}
    first, second = colours.get(mode, ((255, 0, 0), (0, 0, 255)))
    image = Image.new(mode, (width, height), left if left is not None else first)
    ImageDraw.Draw(image).rectangle((width // 2, 0, width - 1, height - 1), fill=right if right is not None else second)
    return image


def encoded(image: Image.Image | None = None, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    (image or drawn()).save(file, kind, **options)
    return file.getvalue()


def photograph(orientation: int = 1, width: int = 60, height: int = 40) -> bytes:
    """Return a JPEG as a phone makes it: it says who made it, and where."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE] = orientation, CANARY.decode()
    exif.get_ifd(GPS)[LATITUDE] = (1.0, 17.0, 24.0)
    return encoded(drawn(width, height), "JPEG", exif=exif, quality=95, comment=CANARY)


def png(width: int, height: int, data: bytes = b"", *extra: tuple[bytes, bytes]) -> bytes:
    """Return a PNG that says it is so large, whatever ``data`` (scan lines of 8-bit grey, not yet packed) holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(data, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def packed_png(width: int, height: int) -> bytes:
    """Return a whole PNG of one colour, which packs a thousandfold."""
    packer = zlib.compressobj(9)
    line = bytes(width + 1)
    body = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    plain = png(width, height)
    start = plain.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
    return plain[:start] + chunk + plain[-12:]


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image
