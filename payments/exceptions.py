"""What can go wrong with payments."""

from collections.abc import Sequence
from decimal import Decimal

from ecommerce.exceptions import DomainError, ErrorRow


class PaymentMethodUnavailable(DomainError):
    status_code = 400
    code = "payment_method_unavailable"
    message = "This way of paying is not offered."


class AmountNotPayable(DomainError):
    status_code = 400
    code = "amount_not_payable"
    message = "This amount cannot be paid this way."


class OrderNotFound(DomainError):
    status_code = 404
    code = "not_found"
    message = "There is no such order."


class PaymentUnderReview(DomainError):
    code = "payment_under_review"
    message = "A payment for this order is being looked at by our staff. Please do not pay again."


class PaymentInProgress(DomainError):
    code = "payment_in_progress"
    message = "A payment request is open on a phone. Finish or cancel it there, or wait a minute."


class TooManyUnpaidOrders(DomainError):
    code = "too_many_unpaid_orders"
    message = "Several of your orders wait for cash or a bank transfer. Pay one of them first, or pay this one now."


class RetryLater(DomainError):
    """An earlier try ended so that the next one must wait; ``advice`` is for the customer."""

    status_code = 429
    code = "retry_later"

    def __init__(self, advice: str, seconds: int) -> None:
        self.message = advice
        self.wait = seconds
        super().__init__()


class PaymentPageUnavailable(DomainError):
    """The provider gave no page to pay on. ``outcome`` says why, the message what the customer can do."""

    status_code = 503
    code = "payment_page_unavailable"

    def __init__(self, advice: str, *, outcome: str, reference: str) -> None:
        self.message = advice
        super().__init__(outcome=outcome, reference=reference)


class AlreadyPaid(DomainError):
    code = "already_paid"
    message = "This order is paid already."


class TooManyPrompts(DomainError):
    status_code = 429
    code = "too_many_prompts"
    message = "Too many payment requests to this phone number. Try again later."
    wait = 600


class ReceivedMoneyDecided(DomainError):
    code = "received_money_decided"
    message = "This money is on no work list any more."


class NothingToAttachTo(DomainError):
    status_code = 400
    code = "order_takes_no_money"
    message = "There is no order of that number that waits for money in this currency."


class ReceiptUsed(DomainError):
    code = "receipt_used"
    message = "Money with this receipt is in the books already."


class AttemptDecided(DomainError):
    code = "attempt_decided"
    message = "This attempt does not wait for this any more."


class OtherAttemptLive(DomainError):
    code = "other_attempt_live"
    message = "The customer is paying by another attempt now. Wait until it has ended."


class ReferenceRefused(DomainError):
    status_code = 400
    code = "reference_refused"

    def __init__(self, reason: str) -> None:
        super().__init__([ErrorRow(self.code, reason, "checkout_request_id")])


class NothingToRefund(DomainError):
    code = "nothing_to_refund"
    message = "Nothing was paid, or all of it went back."


class OrderNotPaid(DomainError):
    """A part that went back would still count as paid when the rest comes."""

    code = "order_not_paid"
    message = "The order waits for the rest of its money. Cancel it, and all that was paid goes back."


class RefundTooLarge(DomainError):
    status_code = 400
    code = "refund_too_large"

    def __init__(self, left: Decimal) -> None:
        self.message = f"Only {left} is left to be refunded."
        super().__init__(left=str(left))


class RefundInProgress(DomainError):
    code = "refund_in_progress"
    message = "An earlier refund of this payment is not finished."


class RefundNotByHand(DomainError):
    code = "refund_not_by_hand"
    message = "This refund does not wait for a person."


class PayoutNotByHand(DomainError):
    code = "payout_not_by_hand"
    message = "This payout does not wait for a person."


class UnknownCallback(DomainError):
    status_code = 404
    code = "not_found"
    message = "There is nothing at this address."


class ProviderUnavailable(Exception):
    """The provider did not answer, or not sensibly. Nothing is known: ask again later."""


class ProviderUnreachable(ProviderUnavailable):
    """The request certainly did not arrive: no connection, or refused before it was written."""


class ForgedEvent(Exception):
    """An event that the provider did not send, or not now. Nothing of it is kept but a count."""


class EventForPerson(Exception):
    """An event that only a person can deal with; it stays open, and says why."""


class UnreadableEvent(EventForPerson):
    """An event's body has no shape we know."""


class StatementUnreadable(DomainError):
    """Nothing of the file was kept. ``rows`` name the first bad lines, ``bad_lines`` says how many there are."""

    status_code = 400
    code = "statement_unreadable"

    def __init__(self, detail: str, *, code: str = "") -> None:
        super().__init__([ErrorRow(code or self.code, detail, "file")])


class StatementLinesUnreadable(DomainError):
    """``bad`` are a line's number, a code and what is wrong; nothing of the file was kept."""

    status_code = 400
    code = "statement_line_unreadable"

    def __init__(self, bad: Sequence[tuple[int, str, str]], *, bad_lines: int) -> None:
        rows = [ErrorRow(code, f"Line {line}: {detail}", f"file.{line}") for line, code, detail in bad]
        super().__init__(rows, bad_lines=bad_lines)


class StatementTooLarge(DomainError):
    status_code = 413
    code = "statement_too_large"

    def __init__(self, most: str) -> None:
        super().__init__([ErrorRow(self.code, f"A statement has at most {most}. Upload it in parts.", "file")])


class OrderPartlyPaid(DomainError):
    code = "order_partly_paid"
    message = "Part of this order is paid. Pay the rest, or cancel the whole order: what was paid goes back then."
