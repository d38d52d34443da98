"""What every log line carries. Lines hold ids and codes, never phone numbers, mail addresses or secrets."""

import logging
import re
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from ecommerce.context import request_id

_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_MSISDN = re.compile(r"\b(?:\+?254|0)([17]\d{5})(\d{3})\b")
_FOREIGN = re.compile(r"\+[1-9]\d{4,11}(\d{3})\b")
_MAIL = re.compile(r"\b[\w.+-]+(?:@|%40)[\w-]+\.[\w.]+\b")
_CALLBACK_SECRET = re.compile(r"(/(?:callback|result|till|claims)/)[\w-]{16,}")
# What each of them needs at least: one look at a text instead of five, for every fact of every line.
_MAYBE = re.compile(r"eyJ|\d{7}|@|%40|/(?:callback|result|till|claims)/")


def mask(text: str) -> str:
    """Hide phone numbers (all but the last three digits), mail addresses, callback secrets and tokens."""
    if not _MAYBE.search(text):
        return text
    text = _JWT.sub("***", text)
    text = _CALLBACK_SECRET.sub(r"\1***", text)
    text = _MSISDN.sub(r"***\2", text)
    text = _FOREIGN.sub(r"+***\1", text)
    return _MAIL.sub("***@***", text)


class MaskingFormatter(JsonFormatter):
    """JSON lines in which nothing stays unmasked: neither the message, nor its facts, nor a trace."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: _mask_value(value) for name, value in super().process_log_record(log_data).items()}


def _mask_value(value: Any) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, dict):
        return {str(name): _mask_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_mask_value(item) for item in value]
    text = str(value)
    masked = mask(text)
    return value if isinstance(value, int) and masked == text else masked


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
