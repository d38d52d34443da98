"""The words that people consent to.

A version is never changed once it has been shown: ``ConsentRecord`` names it. Other words are another version.
"""

from collections.abc import Mapping
from types import MappingProxyType

from accounts.profiles.models import Profile, Purpose

_EN, _SW = Profile.Language.ENGLISH, Profile.Language.SWAHILI

TEXTS: Mapping[str, Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "2026-11": {
            Purpose.MARKETING_MAIL: {
                _EN: "Send me offers, and reminders of what I left in my cart, by e-mail. I can end this at any time.",
                _SW: "Nitumieni ofa, na ukumbusho wa nilichoacha kwenye kikapu, kwa barua pepe. Naweza kusitisha "
                "wakati wowote.",
            },
            Purpose.MARKETING_SMS: {
                _EN: "Send me offers by SMS. I can end this at any time.",
                _SW: "Nitumieni ofa kwa SMS. Naweza kusitisha wakati wowote.",
            },
        }
    }
)
CURRENT = "2026-11"


def current_text(purpose: str, language: str) -> str:
    return TEXTS[CURRENT][purpose][language]
