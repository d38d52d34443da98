"""Cursors: where a reader of a long list has got to, as one opaque word.

Not a secret and no right: whoever makes one up reads the same public list from somewhere else. A checksum tells what
was cut off or mistyped from what was handed out.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Sequence

from ecommerce.exceptions import DomainError, ErrorRow

MAX_LENGTH = 1000


class InvalidCursor(DomainError):
    status_code = 400
    code = "invalid_cursor"
    message = "This is no cursor of this list. Take `next_cursor` as it was answered, or start without one."

    def __init__(self, attr: str = "cursor") -> None:
        super().__init__([ErrorRow(self.code, self.message, attr)])


def write_cursor(kind: str, *parts: str) -> str:
    """Return the cursor of a list of this ``kind`` at the place that ``parts`` name."""
    body = json.dumps([kind, *parts], separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(zlib.crc32(body).to_bytes(4, "big") + body).decode().rstrip("=")


def read_cursor(kind: str, text: str) -> Sequence[str]:
    """Return the parts of a cursor.

    Raises:
        InvalidCursor: it is none, or that of another kind of list.
    """
    try:
        if not text.isascii() or len(text) > MAX_LENGTH:
            raise InvalidCursor()
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        body = raw[4:]
        if zlib.crc32(body).to_bytes(4, "big") != raw[:4]:
            raise InvalidCursor()
        found = json.loads(body)
    except (ValueError, binascii.Error, RecursionError):
        raise InvalidCursor() from None
    if not isinstance(found, list) or found[:1] != [kind] or not all(map(_is_text, found)):
        raise InvalidCursor()
    return found[1:]


def _is_text(part: object) -> bool:
    """Tell whether PostgreSQL can be asked about it: a text without NUL and halves of characters."""
    return isinstance(part, str) and not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in part)
