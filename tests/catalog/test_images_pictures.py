"""What is a picture, what is refused before anything is decoded, and what is left of one that is drawn anew."""

import random
import struct
import subprocess
import sys
import time
import zlib

import pytest
from PIL import Image, ImageCms

from ecommerce.pictures import drawing
from ecommerce.pictures.drawing import MAX_FILE, SIZES, inspect, render
from ecommerce.pictures.exceptions import (
    ImageDamaged,
    ImageRefused,
    ImageTooLarge,
    SvgRefused,
    TooManyPixels,
    UnsupportedImage,
)
from ecommerce.pictures.headers import Header, read_header
from tests.catalog.pictures import CANARY, drawn, encoded, opened, packed_png, photograph, png

GIF = encoded(kind="GIF")
WHOLE = {
    "JPEG": encoded(kind="JPEG"),
    "progressive JPEG": encoded(kind="JPEG", progressive=True),
    "PNG": encoded(),
    "GIF": GIF,
    "lossy WebP": encoded(kind="WEBP"),
    "lossless WebP": encoded(kind="WEBP", lossless=True),
    "extended WebP": encoded(drawn(mode="RGBA"), "WEBP"),
}


def drawings(data: bytes) -> dict[int, Image.Image]:
    return {drawing.size: opened(drawing.data) for drawing in render(data)}


def largest(data: bytes) -> Image.Image:
    return drawings(data)[SIZES[-1]].convert("RGBA")


def is_like(pixel, wanted, by: int = 24) -> bool:
    return all(abs(one - other) <= by for one, other in zip(pixel, wanted, strict=True))


RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)


# --- What a file says of itself -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
def test_header_is_read_from_every_format(name):
    header = read_header(WHOLE[name])

    assert (header.format, header.width, header.height) == (name.split()[-1].upper(), 60, 40)
    assert inspect(WHOLE[name]) == header


def test_memory_of_decoders_is_reckoned_by_format():
    reckoned = {name: read_header(data).bytes_per_pixel for name, data in WHOLE.items()}

    assert reckoned == {
        "JPEG": 4,
        "progressive JPEG": 7,
        "PNG": 4,
        "GIF": 4,
        "lossy WebP": 16,
        "lossless WebP": 16,
        "extended WebP": 16,
    }
    cmyk = encoded(drawn(mode="CMYK"), "JPEG", progressive=True)
    assert read_header(cmyk).bytes_per_pixel == 12
    assert read_header(encoded(kind="JPEG", progressive=True, subsampling=0)).bytes_per_pixel == 10


@pytest.mark.parametrize("name", WHOLE)
def test_file_that_is_cut_off_anywhere_is_refused(name):
    data = WHOLE[name]

    for length in range(len(data) - 1):  # a GIF is whole without its last byte, the trailer
        with pytest.raises(ImageRefused):
            inspect(data[:length])


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", UnsupportedImage),
        (b"\x00" * 100, UnsupportedImage),
        (b"<!doctype html><script>alert(1)</script>", UnsupportedImage),
        (b"%PDF-1.7\n", UnsupportedImage),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", UnsupportedImage),
        (encoded(kind="BMP"), UnsupportedImage),
        (encoded(kind="TIFF"), UnsupportedImage),
        (encoded(kind="ICO"), UnsupportedImage),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', SvgRefused),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a -->\n<s:SVG xmlns:s="x">', SvgRefused),
        (b"\xff\xd8\xff" + b"\xff" * 50_000, ImageDamaged),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, ImageDamaged),
        (png(0, 10), ImageDamaged),
        (png(2**31, 10), TooManyPixels),
        (b"GIF89a" + b"\xff\xff\xff\xff\x00\x00\x00\x3b", ImageDamaged),
        (b"GIF89a" + b"\x01\x00\x01\x00\x00\x00\x00" + b"\x21\xfe\xff" * 10, ImageDamaged),
        (b"\x00" * (MAX_FILE + 1), ImageTooLarge),
        (encoded() + b"\x00" * MAX_FILE, ImageTooLarge),
    ],
)
def test_what_is_no_picture_is_refused_by_name(data, refusal):
    with pytest.raises(refusal) as caught:
        inspect(data)

    assert type(caught.value) is refusal
    assert caught.value.rows[0].attr == "file"


def test_picture_is_told_by_its_content_even_with_a_tail():
    assert inspect(encoded() + b"<script>alert(1)</script>").format == "PNG"


def test_two_sizes_in_one_file_are_refused():
    second = struct.pack(">IIBBBBB", 9_000, 9_000, 8, 0, 0, 0, 0)

    with pytest.raises(ImageDamaged):
        inspect(png(10, 10, bytes(110), (b"IHDR", second)))


def test_frame_larger_than_its_gif_counts():
    data = bytearray(GIF)
    at = data.index(b"\x2c", 13 + (3 << ((data[10] & 7) + 1)))
    data[at + 5 : at + 9] = struct.pack("<HH", 60_000, 60_000)

    header = read_header(bytes(data))

    assert (header.width, header.height) == (60_000, 60_000)
    with pytest.raises(TooManyPixels):
        inspect(bytes(data))


def test_jpeg_of_thousands_of_scans_is_refused():
    data = encoded(drawn(mode="L"), "JPEG")
    start = data.index(b"\xff\xda")
    scan = data[start:-2]

    assert inspect(data[:-2] + scan * 98 + b"\xff\xd9").format == "JPEG"
    with pytest.raises(ImageDamaged):
        inspect(data[:-2] + scan * 100 + b"\xff\xd9")


# --- Bombs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "taken"),
    [(5_000, 5_000, True), (10_000, 2_500, True), (5_000, 5_001, False), (10_001, 10, False), (13_000, 13_000, False)],
)
def test_pixels_are_counted_before_anything_is_decoded(monkeypatch, width, height, taken):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    data = packed_png(width, height)

    assert len(data) < 200_000
    if taken:
        assert inspect(data) == Header("PNG", width, height, 4)
    else:
        with pytest.raises(TooManyPixels):
            inspect(data)


@pytest.mark.parametrize(
    ("kind", "options", "side"),
    [("WEBP", {"method": 0}, 3_001), ("JPEG", {"progressive": True, "subsampling": 0}, 4_600)],
)
def test_pictures_that_are_heavy_to_decode_may_have_fewer_pixels(kind, options, side):
    data = encoded(Image.new("RGB", (side, side)), kind, **options)

    with pytest.raises(TooManyPixels):
        inspect(data)


def test_gif_of_ten_thousand_frames_costs_no_more_than_its_first():
    frame = GIF[GIF.index(b"\x2c", 13 + (3 << ((GIF[10] & 7) + 1))) : -1]
    data = GIF[:-1] + frame * 10_000 + b"\x3b"
    started = time.perf_counter()

    image = largest(data)

    assert time.perf_counter() - started < 2
    assert is_like(image.getpixel((5, 20)), RED)
    assert is_like(image.getpixel((55, 20)), BLUE)


MEASURE = """
import re, sys
import django
django.setup()
from ecommerce.pictures.drawing import render

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024

data = sys.stdin.buffer.read()
list(render(open(sys.argv[1], "rb").read()))  # what is loaded once is not counted
before = peak()
list(render(data))
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the peak")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_heaviest_pictures_need_less_than_150_mebibytes(tmp_path, kind):
    heaviest = {
        "JPEG": lambda: encoded(Image.new("CMYK", (3_460, 3_460)), "JPEG", progressive=True),
        "PNG": lambda: encoded(Image.new("RGBA", (5_000, 5_000), (1, 2, 3, 4)), compress_level=1),
        "WEBP": lambda: encoded(Image.new("RGBA", (3_000, 3_000), (1, 2, 3, 4)), "WEBP", method=0),
    }
    small = tmp_path / "small"
    small.write_bytes(encoded(drawn(mode="RGBA"), "PNG"))

    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small)], input=heaviest[kind](), capture_output=True, check=True
    )

    assert 20 < int(measured.stdout) < 150


# --- Drawing anew ---------------------------------------------------------------------------------------------


def test_every_size_is_a_webp_of_its_own_that_fits():
    found = [(one.original, one.size, one.width, one.height) for one in render(encoded(drawn(3_000, 2_000), "JPEG"))]

    whole = (3_000, 2_000)
    assert found == [
        (whole, 2048, 2048, 1365),
        (whole, 1080, 1080, 720),
        (whole, 480, 480, 320),
        (whole, 160, 160, 107),
    ]
    assert {image.format for image in drawings(encoded(drawn(3_000, 2_000), "JPEG")).values()} == {"WEBP"}


def test_small_picture_is_never_enlarged():
    assert {size: image.size for size, image in drawings(encoded(drawn(200, 100))).items()} == {
        2048: (200, 100),
        1080: (200, 100),
        480: (200, 100),
        160: (160, 80),
    }


@pytest.mark.parametrize(("width", "height", "shrunk"), [(3_000, 1, (2048, 1)), (1, 3_000, (1, 2048)), (1, 1, (1, 1))])
def test_slivers_keep_a_pixel(width, height, shrunk):
    assert largest(encoded(Image.new("RGB", (width, height)))).size == shrunk


def test_strips_leave_no_seams():
    gradient = Image.radial_gradient("L").resize((2_500, 2_300))
    whole = gradient.resize((2048, 1884), Image.Resampling.LANCZOS)

    made = drawing._shrunk(gradient)

    assert made.size == (2048, 1884)
    difference = [abs(a - b) for a, b in zip(made.tobytes(), whole.tobytes(), strict=True)]
    assert max(difference) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation):
    upright = drawn(60, 40)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright.paste((0, 255, 0), (0, 0, 30, 20))  # its upper left quarter
    held = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation

    image = largest(encoded(held, "JPEG", exif=exif, quality=95, subsampling=0))
    originals = {one.original for one in render(encoded(held, "JPEG", exif=exif))}

    assert (image.size, originals) == ((60, 40), {(60, 40)})
    assert is_like(image.getpixel((15, 10)), (0, 255, 0, 255))
    assert is_like(image.getpixel((15, 30)), RED)
    assert is_like(image.getpixel((45, 10)), BLUE)


def test_nothing_but_pixels_is_left():
    info = {"exif": photograph()[: photograph().index(b"\xff\xdb")]}
    for data in (
        photograph(),
        photograph() + CANARY,
        png(10, 10, bytes(110), (b"tEXt", b"Comment\x00" + CANARY)),
        encoded(kind="WEBP", exif=info["exif"], xmp=CANARY),
        encoded(kind="GIF", comment=CANARY),
    ):
        assert CANARY in data
        for one in render(data):
            image = opened(one.data)
            assert CANARY not in one.data
            assert dict(image.getexif()) == {}
            assert {"exif", "xmp", "icc_profile", "comment"} & image.info.keys() == set()


def test_transparency_is_kept_and_does_not_bleed():
    # Invisible white beside visible red: mixed without regard to alpha, the edge would be pink.
    held = drawn(3_000, 300, mode="RGBA", left=(255, 0, 0, 255), right=(255, 255, 255, 0))

    image = largest(encoded(held))

    assert is_like(image.getpixel((10, 100)), RED)
    assert image.getpixel((2_000, 100))[3] == 0
    edge = [image.getpixel((x, 100)) for x in range(1_020, 1_028)]
    assert all(pixel[1] < 90 for pixel in edge if pixel[3] > 200)


@pytest.mark.parametrize(
    "data",
    [
        encoded(drawn().convert("P"), "PNG"),
        encoded(drawn(), "GIF"),
        encoded(drawn(mode="CMYK"), "JPEG", quality=95),
        encoded(drawn(), "JPEG", quality=95, progressive=True),
        encoded(drawn(mode="RGBA", right=BLUE), "WEBP", lossless=True),
        encoded(drawn(), "PNG", save_all=True, append_images=[drawn(left=(0, 255, 0))]),
        encoded(drawn(), "WEBP", save_all=True, append_images=[drawn(left=(0, 255, 0))], lossless=True),
        encoded(drawn(), "GIF", save_all=True, append_images=[drawn(left=(0, 255, 0))]),
    ],
    ids=["palette", "gif", "cmyk", "progressive", "rgba", "animated png", "animated webp", "animated gif"],
)
def test_every_kind_of_pixel_becomes_colours(data):
    image = largest(data)

    assert image.size == (60, 40)
    assert is_like(image.getpixel((10, 20)), RED, by=40)
    assert is_like(image.getpixel((50, 20)), BLUE, by=40)


@pytest.mark.parametrize(
    ("held", "dark", "light"),
    [
        (drawn(mode="L"), 60, 200),
        (Image.new("1", (60, 40), 1), 255, 255),
        (drawn(mode="L").convert("LA"), 60, 200),
        (Image.frombytes("I;16", (60, 40), (b"\x00\x3c" * 30 + b"\x00\xc8" * 30) * 40), 60, 200),
    ],
    ids=["grey", "one bit", "grey with alpha", "sixteen bits"],
)
def test_grey_stays_grey(held, dark, light):
    image = largest(encoded(held))

    assert is_like(image.getpixel((10, 20)), (dark, dark, dark, 255), by=6)
    assert is_like(image.getpixel((50, 20)), (light, light, light, 255), by=6)


def test_colours_of_another_profile_become_those_of_srgb():
    # Of this profile the first channel is blue's, so what is stored as red is meant as blue.
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags = {name: srgb.index(name) for name in (b"rXYZ", b"bXYZ")}
    swapped = bytearray(srgb)
    for name, other in ((b"rXYZ", b"bXYZ"), (b"bXYZ", b"rXYZ")):
        swapped[tags[name] : tags[name] + 4] = other

    image = largest(encoded(drawn(), "JPEG", icc_profile=bytes(swapped), quality=95))

    assert is_like(image.getpixel((10, 20)), BLUE, by=40)
    assert is_like(image.getpixel((50, 20)), RED, by=40)
    for useless in (b"no profile", lab.tobytes()):
        kept = largest(encoded(drawn(), "JPEG", icc_profile=useless, quality=95))
        assert is_like(kept.getpixel((10, 20)), RED, by=40)


def test_alpha_survives_a_profile():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    image = largest(encoded(drawn(mode="RGBA"), icc_profile=srgb))

    assert (image.getpixel((10, 20))[3], image.getpixel((50, 20))[3]) == (255, 0)


def test_damage_inside_is_found_by_drawing():
    data = bytearray(encoded(Image.effect_noise((200, 200), 90), "PNG"))
    start = data.index(b"IDAT") + 4
    length = struct.unpack(">I", data[start - 8 : start - 4])[0]
    data[start + 2 : start + length] = bytes(length - 2)
    data[start + length : start + length + 4] = struct.pack(
        ">I", zlib.crc32(b"IDAT" + bytes(data[start : start + length]))
    )

    assert inspect(bytes(data)).format == "PNG"
    with pytest.raises(ImageDamaged):
        list(render(bytes(data)))


def test_any_damage_is_a_refusal_and_never_a_crash():
    dice = random.Random(20261121)
    outcomes = {"taken": 0, "refused": 0}
    for name, whole in WHOLE.items():
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(dice.randint(1, 6)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            try:
                for _ in render(bytes(data)):
                    pass
                outcomes["taken"] += 1
            except ImageRefused:
                outcomes["refused"] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the failure looked for
                pytest.fail(f"{name}: {error!r} at {bytes(data).hex()}")

    assert min(outcomes.values()) > 20


def test_running_out_of_time_is_not_the_files_fault(monkeypatch):
    class SoftTimeLimit(Exception):
        pass

    def slow(self, *args, **kwargs):
        raise SoftTimeLimit

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", slow)

    with pytest.raises(SoftTimeLimit):
        list(render(encoded()))


def test_pillow_is_asked_for_one_format_only(monkeypatch):
    asked = []
    original = Image.open

    def noting(file, mode="r", formats=None):
        asked.append(formats)
        return original(file, mode, formats)

    monkeypatch.setattr(Image, "open", noting)

    inspect(encoded())

    assert asked == [["PNG"]]
