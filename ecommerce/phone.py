"""Phone numbers: kept in E.164, sent to M-Pesa as twelve digits."""

import re

import phonenumbers

from ecommerce.exceptions import DomainError, ErrorRow

_KENYAN = re.compile(r"(?:\+?254|0)?([17][0-9]{8})")
_FOREIGN = re.compile(r"\+[1-9][0-9]{6,14}")  # libphonenumber alone would take "++1…", letters and extensions
_SEPARATORS = re.compile(r"[\s()\-.]")


class InvalidPhoneNumber(DomainError):
    code = "invalid_phone_number"
    status_code = 400
    message = "This is not a phone number. Write it like 0712 345 678 or +254712345678."

    def __init__(self, attr: str | None = "phone_number") -> None:
        super().__init__([ErrorRow(self.code, self.message, attr)])


def normalise_phone(text: str, *, attr: str | None = "phone_number") -> str:
    """Return the number in E.164, such as ``+254712345678``.

    Kenyan mobile numbers are told by their shape alone (07…, 01…, 254…, +254…): new prefixes appear faster than
    any list of them. Other countries must be written with ``+`` and are checked by libphonenumber.

    Raises:
        InvalidPhoneNumber: anything else; the error names ``attr``.
    """
    compact = _SEPARATORS.sub("", text.strip())
    if not compact.isascii() or len(compact) > 20:
        raise InvalidPhoneNumber(attr)
    if match := _KENYAN.fullmatch(compact):
        return f"+254{match[1]}"
    if _FOREIGN.fullmatch(compact) and not compact.startswith("+254"):
        try:
            number = phonenumbers.parse(compact)
        except phonenumbers.NumberParseException:
            raise InvalidPhoneNumber(attr) from None
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    raise InvalidPhoneNumber(attr)


def mask_phone(e164: str) -> str:
    """Return a form that tells two numbers apart without giving them away: ``+254…678``."""
    return f"{e164[:4]}…{e164[-3:]}" if e164 else ""
