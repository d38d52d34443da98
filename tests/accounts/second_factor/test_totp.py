"""Codes as RFC 6238 has them, and what is shown to scan."""

from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest

from accounts.second_factor import totp

RFC_SECRET = b"12345678901234567890"


# Source: RFC 6238, appendix B, the last six of its eight digits.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_rfc(seconds, code):
    assert totp.matching_step(RFC_SECRET, code, now=seconds, after=0) == seconds // 30


@pytest.mark.parametrize(("steps", "found"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_wrong_by_one_step(steps, found):
    now = 1_800_000_000
    code = totp.code_at(RFC_SECRET, now // 30 + steps)

    step = totp.matching_step(RFC_SECRET, code, now=now, after=0)

    assert step == (now // 30 + steps if found else None)


def test_steps_that_are_spent_match_no_more():
    now = 1_800_000_000
    code = totp.code_at(RFC_SECRET, now // 30)

    assert totp.matching_step(RFC_SECRET, code, now=now, after=now // 30 - 1) == now // 30
    assert totp.matching_step(RFC_SECRET, code, now=now, after=now // 30) is None


def test_the_uri_says_what_apps_need():
    uri = urlsplit(totp.uri(RFC_SECRET, account="wanjiku+shop@example.com", issuer="Byte Mtaani: Nairobi"))

    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == "/Byte Mtaani Nairobi:wanjiku+shop@example.com"
    assert "+" not in uri.path + uri.query
    assert parse_qs(uri.query) == {
        "secret": [totp.as_text(RFC_SECRET)],
        "issuer": ["Byte Mtaani Nairobi"],
        "digits": ["6"],
        "period": ["30"],
        "algorithm": ["SHA1"],
    }


def test_each_secret_is_new_and_long_enough():
    secrets = {totp.new_secret() for _ in range(50)}

    assert (len(secrets), {len(secret) for secret in secrets}) == (50, {20})


def test_the_picture_is_an_svg_with_a_quiet_border():
    picture = ElementTree.fromstring(totp.qr_svg("otpauth://totp/x?secret=y"))

    side = int(picture.attrib["viewBox"].split()[2])
    paper, dark = [path.attrib["d"] for path in picture]
    assert paper == f"M0 0h{side}v{side}H0z"
    corners = [tuple(map(int, part.split("h")[0].split())) for part in dark.split("M")[1:]]
    assert (min(corners), max(x for x, _ in corners)) == ((4, 4), side - 5)
