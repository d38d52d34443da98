"""What stands in the messages that bring codes, by language. Each fits into one message of 160 plain letters."""

from django.conf import settings

from accounts.otp.models import OneTimeCode
from accounts.profiles.models import Profile

Purpose = OneTimeCode.Purpose
Language = Profile.Language

_TEXTS = {
    Language.ENGLISH: {
        Purpose.LOG_IN: "{code} is your {shop} code to log in.",
        Purpose.PHONE: "{code} is your {shop} code to confirm this number.",
        Purpose.RESET: "{code} is your {shop} code for a new password.",
    },
    Language.SWAHILI: {
        Purpose.LOG_IN: "{code} ni msimbo wako wa {shop} wa kuingia.",
        Purpose.PHONE: "{code} ni msimbo wako wa {shop} wa kuthibitisha namba hii.",
        Purpose.RESET: "{code} ni msimbo wako wa {shop} wa nenosiri jipya.",
    },
}
_WARNINGS = {
    Language.ENGLISH: "It is good for {minutes} minutes. Tell it to nobody, not even to us.",
    Language.SWAHILI: "Unatumika kwa dakika {minutes}. Usimpe mtu yeyote, hata sisi.",
}


def text_of(purpose: str, digits: str, *, language: str) -> str:
    spoken = Language(language)
    text = f"{_TEXTS[spoken][Purpose(purpose)]} {_WARNINGS[spoken]}"
    minutes = int(settings.CODE_LIFETIME.total_seconds() // 60)
    return text.format(code=digits, shop=settings.SHOP_NAME, minutes=minutes)
