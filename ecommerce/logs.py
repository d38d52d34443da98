"""What every log line carries. Lines hold ids and codes, never phone numbers, mail addresses or secrets."""

import logging
import re

from ecommerce.context import request_id

_MSISDN = re.compile(r"\b(?:\+?254|0)([17]\d{5})(\d{3})\b")
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+\b")
_CALLBACK_SECRET = re.compile(r"(/callback/)[\w-]{16,}")


def mask(text: str) -> str:
    """Hide phone numbers (all but the last three digits), mail addresses and callback secrets."""
    text = _CALLBACK_SECRET.sub(r"\1***", text)
    text = _MSISDN.sub(r"***\2", text)
    return _MAIL.sub("***@***", text)


class ContextFilter(logging.Filter):
    """Add the request id, and mask what slipped into a message. The last line of defence, not the first."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        # Django hangs the whole request on some records; its text shows the path, and a path may hold a secret.
        record.__dict__.pop("request", None)
        message = record.getMessage()
        masked = mask(message)
        if masked != message:
            record.msg, record.args = masked, None
        return True
