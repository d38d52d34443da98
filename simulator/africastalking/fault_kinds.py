"""Every fault that the carrier of text messages can be told to have."""

from simulator.faults import FaultKind
from simulator.transport import write_faults

SMS = "africastalking.sms"

AFRICASTALKING_FAULTS: tuple[FaultKind, ...] = (
    *write_faults(SMS),
    FaultKind("africastalking_sms_status", SMS, "not sent, the recipient's statusCode is this", {"code": 403}),
    FaultKind(
        "africastalking_sms_no_recipient",
        SMS,
        "not sent, Recipients is empty and Message is this word",
        {"word": "InvalidSenderId"},
    ),
    FaultKind("africastalking_sms_other_number", SMS, "sent, but the answer tells of another number"),
)
