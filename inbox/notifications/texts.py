"""What notifications say, in the languages of profiles."""

from typing import Any

from accounts.profiles.models import Profile
from inbox.notifications.models import Notification, Topic

_ENGLISH, _SWAHILI = Profile.Language.ENGLISH.value, Profile.Language.SWAHILI.value

_TEXTS: dict[str, tuple[Topic, dict[str, str]]] = {
    "order.paid": (
        Topic.ORDERS,
        {_ENGLISH: "Order {number} is paid. Thank you!", _SWAHILI: "Agizo {number} limelipwa. Asante!"},
    ),
    "order.shipped": (
        Topic.ORDERS,
        {_ENGLISH: "Order {number} is on its way.", _SWAHILI: "Agizo {number} liko njiani."},
    ),
    "order.delivered": (
        Topic.ORDERS,
        {_ENGLISH: "Order {number} has been delivered.", _SWAHILI: "Agizo {number} limefika."},
    ),
    "order.cancelled": (
        Topic.ORDERS,
        {_ENGLISH: "Order {number} is cancelled.", _SWAHILI: "Agizo {number} limeghairiwa."},
    ),
    "order.refunded": (
        Topic.ORDERS,
        {_ENGLISH: "Order {number} is refunded in full.", _SWAHILI: "Pesa zote za agizo {number} zimerudishwa."},
    ),
    "payment.failed": (
        Topic.PAYMENTS,
        {
            _ENGLISH: "The payment for order {number} did not go through.",
            _SWAHILI: "Malipo ya agizo {number} hayakufaulu.",
        },
    ),
    "refund.succeeded": (
        Topic.PAYMENTS,
        {
            _ENGLISH: "{currency} {amount} of order {number} went back to you.",
            _SWAHILI: "{currency} {amount} za agizo {number} zimerudishwa kwako.",
        },
    ),
    "return.approved": (
        Topic.RETURNS,
        {
            _ENGLISH: "Return {return_number} is approved. Please send the goods.",
            _SWAHILI: "Rejesho {return_number} limekubaliwa. Tafadhali tuma bidhaa.",
        },
    ),
    "return.rejected": (
        Topic.RETURNS,
        {_ENGLISH: "Return {return_number} was not accepted.", _SWAHILI: "Rejesho {return_number} halikukubaliwa."},
    ),
    "return.received": (
        Topic.RETURNS,
        {
            _ENGLISH: "The goods of return {return_number} have arrived.",
            _SWAHILI: "Bidhaa za rejesho {return_number} zimefika.",
        },
    ),
    "return.refunded": (
        Topic.RETURNS,
        {
            _ENGLISH: "Return {return_number} is settled: you get its worth back.",
            _SWAHILI: "Rejesho {return_number} limekamilika: utarudishiwa thamani yake.",
        },
    ),
    "return.exchanged": (
        Topic.RETURNS,
        {
            _ENGLISH: "Other goods are on order for return {return_number}.",
            _SWAHILI: "Bidhaa nyingine zimeagizwa kwa rejesho {return_number}.",
        },
    ),
    "stock.back": (
        Topic.STOCK,
        {_ENGLISH: "{name} is back in stock.", _SWAHILI: "{name} ipo tena."},
    ),
    "stock.low": (
        Topic.STOCK,
        {_ENGLISH: "{name} is running low.", _SWAHILI: "{name} inakaribia kuisha."},
    ),
}
TOPICS: dict[str, Topic] = {kind: topic for kind, (topic, _) in _TEXTS.items()}


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def text_of(notification: Notification, language: str) -> str:
    """Return what a notification says; in English where there is no text in a language."""
    if notification.kind not in _TEXTS:  # of another release
        return notification.kind
    texts = _TEXTS[notification.kind][1]
    return texts.get(language, texts[_ENGLISH]).format_map(_Blank(notification.data))
