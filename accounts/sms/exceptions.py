"""What can go wrong when a text message is sent."""

from ecommerce.exceptions import DomainError


class SmsUnavailable(DomainError):
    """No message is sent there, now or ever; the same for every number of the country."""

    status_code = 503
    code = "sms_unavailable"
    message = "Text messages cannot be sent to this country at the moment."


class SmsNotReceived(Exception):
    """The service certainly has not taken the message: it may be sent again."""


class SmsOutcomeUnknown(Exception):
    """It was sent, and no whole answer came: the message may be on its way."""


class SmsRefused(Exception):
    """The service said no, for the reason in ``code``; a repeat would be told the same."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
