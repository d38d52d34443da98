"""M-Pesa through Safaricom's Daraja: STK push, paybill and till payments, refunds, payouts and the pull list.

Source: Daraja documentation; where practice differs from it, the comment says so. One rule stands above all: a value
or shape that is not known here means "outcome unknown", never "failed" and never "paid".
"""

from payments.providers.mpesa.c2b import C2BPayment, C2BRejection
from payments.providers.mpesa.provider import MpesaProvider
from payments.providers.mpesa.results import AccountBalance, StatusResult

__all__ = ["AccountBalance", "C2BPayment", "C2BRejection", "MpesaProvider", "StatusResult"]
