"""Everything held about somebody, as one JSON document that is made while it is sent."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from accounts.models import User
from accounts.privacy.registry import parts

FORMAT = "1"
_PIECE = 32 * 1024  # characters that are sent together


def export_of(user: User) -> Iterator[str]:
    """Yield the document in pieces. Rows are read as they are sent, so what changes meanwhile may show in part."""
    piece: list[str] = []
    length = 0
    for text in _texts(user):
        piece.append(text)
        length += len(text)
        if length >= _PIECE:
            yield "".join(piece)
            piece, length = [], 0
    yield "".join(piece)


def _texts(user: User) -> Iterator[str]:
    yield f'{{"format": "{FORMAT}", "user_id": "{user.pk}", "made_at": "{timezone.now().isoformat()}", "data": {{'
    between = ""
    for part in parts():
        for name, rows in part.exporter(user):
            yield f"{between}{json.dumps(name)}: ["
            comma = ""
            for row in rows:
                yield comma + json.dumps(row, cls=_Encoder, ensure_ascii=False)
                comma = ", "
            yield "]"
            between = ", "
    yield "}}\n"


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, memoryview | bytes):  # a provider's message, as it came
            return bytes(o).decode("utf-8", errors="replace")
        return super().default(o)
