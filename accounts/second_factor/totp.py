"""Codes of authenticator apps: six digits, a new one every thirty seconds, HMAC-SHA-1.

The values that every app understands. Source: RFC 6238; "Key Uri Format" of Google Authenticator's wiki.
"""

import base64
import hmac
import os

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

DIGITS = 6
STEP = 30  # seconds
DRIFT = 1  # steps that a phone's clock may be wrong, either way
_SECRET_BYTES = 20  # Source: RFC 4226, 4: 160 bits are recommended
_QUIET = 4  # modules around a QR code. Source: ISO/IEC 18004


def new_secret() -> bytes:
    return os.urandom(_SECRET_BYTES)


def as_text(secret: bytes) -> str:
    """Return the secret as people type it where no camera is at hand."""
    return base64.b32encode(secret).decode().rstrip("=")


def code_at(secret: bytes, step: int) -> str:
    # SHA-1 is what the apps speak; as an HMAC it is not broken.
    return HOTP(secret, DIGITS, SHA1()).generate(step).decode()  # noqa: S303


def matching_step(secret: bytes, code: str, *, now: float, after: int) -> int | None:
    """Return the step whose code this is, None when it is none of now; ``now`` in seconds since 1970.

    Steps up to ``after`` are spent: a code that was seen over a shoulder opens nothing.
    """
    present = int(now // STEP)
    for step in range(present - DRIFT, present + DRIFT + 1):
        if step > after and hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None


def uri(secret: bytes, *, account: str, issuer: str) -> str:
    """Return what the QR code says."""
    totp = TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303
    # Some apps show a plus in the name as a plus.
    return totp.get_provisioning_uri(account, issuer.replace(":", "")).replace("+", "%20")


def qr_svg(text: str) -> str:
    """Return a QR code as an SVG picture, black on white, of one path."""
    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    side = len(code.modules) + 2 * _QUIET
    dark = "".join(
        f"M{column + _QUIET} {row + _QUIET}h1v1h-1z"
        for row, cells in enumerate(code.modules)
        for column, is_dark in enumerate(cells)
        if is_dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{dark}"/></svg>'
    )
