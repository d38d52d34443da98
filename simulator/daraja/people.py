"""Who a phone belongs to, and how M-Pesa shows a number to merchants."""

import hashlib

_FIRST_NAMES = ("JANE", "PETER", "AISHA", "BRIAN", "MERCY", "SAMUEL", "FAITH", "HASSAN", "GRACE", "KEVIN")
_LAST_NAMES = ("WANJIKU", "OTIENO", "MOHAMED", "KIPCHOGE", "MUTUA", "ACHIENG", "KAMAU", "NJERI", "BARASA", "CHEBET")


def first_name(msisdn: str) -> str:
    return _FIRST_NAMES[int(msisdn[-1])]


def public_name(msisdn: str) -> str:
    """Return a customer as results of the API name him: ``254712345678 - JANE WANJIKU``."""
    return f"{msisdn} - {_full_name(msisdn)}"


def masked_name(msisdn: str) -> str:
    """Return a customer as the portal's statement names him."""
    return f"{msisdn[:4]}***{msisdn[-3:]} - {_full_name(msisdn)}"


def masked_msisdn(msisdn: str) -> str:
    """Return a number as C2B version 2 has it. Source: Daraja, C2B, ``MSISDN``."""
    return f"{msisdn[:4]} ***** {msisdn[-3:]}"


def hashed_msisdn(msisdn: str) -> str:
    """Return a number as C2B version 1 has it. Source: Daraja, C2B, ``MSISDN``."""
    return hashlib.sha256(msisdn.encode()).hexdigest()


def _full_name(msisdn: str) -> str:
    return f"{first_name(msisdn)} {_LAST_NAMES[int(msisdn[-2])]}"
