"""Codes of gift cards: 15 characters that say nothing, and one that catches a slip of the finger.

A code is computed from the card's id with a key that is not in the database (HMAC-SHA-256), and only a second HMAC of
it is stored. So a card's mail can be written, and written again, without the code lying anywhere in clear, and a copy
of the database opens no card. Why: docs/decisions/0015-gift-card-codes.md.

``GIFT_CARD_KEYS`` has the key of new cards first, then those of older ones.
"""

from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac

# Without I, L, O, 0 and 1, which look like others. 31 is a prime: with weights, any wrong character and any two
# neighbours that changed places change the last character.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 16  # 31 ** 15 codes are 74 bits
GROUP = 4
# What a typed code may hold beside its characters, and how long it may be with it.
SEPARATORS = str.maketrans("", "", " -\u2010\u2011\u2013\u00a0\t")
LONGEST_TYPED = 60


class CodeLost(LookupError):
    """No key of ``GIFT_CARD_KEYS`` made this card's code: nobody can tell it any more."""


def code_for(card_id: UUID) -> str:
    """Return the code of a new card, in its plain form."""
    return _derive(_keys()[0], card_id)


def code_of(card_id: UUID, code_hash: str) -> str:
    """Return the code of a stored card, whichever key made it.

    Raises:
        CodeLost: the key that made it is not among the settings (any more).
    """
    for key in _keys():
        code = _derive(key, card_id)
        if _hash(key, code) == code_hash:
            return code
    raise CodeLost(str(card_id))


def hash_of(code: str) -> str:
    """Return what is stored of a new card's code."""
    return _hash(_keys()[0], code)


def hashes_of(code: str) -> list[str]:
    """Return all that may be stored of a code: by the current key, and by older ones."""
    return [_hash(key, code) for key in _keys()]


def normalise(typed: str) -> str:
    """Return a code as it was made, from however it was typed; an empty text if it cannot be one."""
    code = typed[:LONGEST_TYPED].translate(SEPARATORS).upper()
    if len(code) != LENGTH or any(character not in ALPHABET for character in code):
        return ""
    return code if code[-1] == _check_character(code[:-1]) else ""


def grouped(code: str) -> str:
    """Return a code for people: ``ABCD-EFGH-JKMN-PQRS``."""
    return "-".join(code[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def _keys() -> list[str]:
    keys: list[str] = settings.GIFT_CARD_KEYS
    return keys


def _derive(key: str, card_id: UUID) -> str:
    number = int.from_bytes(salted_hmac("payments.gift-card.code", card_id.hex, key, algorithm="sha256").digest())
    characters = ""
    for _ in range(LENGTH - 1):
        number, rest = divmod(number, len(ALPHABET))
        characters += ALPHABET[rest]
    return characters + _check_character(characters)


def _hash(key: str, code: str) -> str:
    return salted_hmac("payments.gift-card.hash", code, key, algorithm="sha256").hexdigest()


def _check_character(characters: str) -> str:
    total = sum(weight * ALPHABET.index(character) for weight, character in enumerate(characters, start=1))
    return ALPHABET[total % len(ALPHABET)]
