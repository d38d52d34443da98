"""The tables of payments."""

from payments.credit.models import CreditMovement, GiftCard, StoreCredit
from payments.models.event import ProviderEvent, RefusedEvents
from payments.models.ledger import LedgerAccount, LedgerEntry, LedgerTransaction
from payments.models.money import MoneyOut, Payout, ReceivedMoney, Refund, RefundLine
from payments.models.payment import Payment, PaymentAttempt
from payments.models.statement import Reconciliation, ReconciliationDifference, Statement, StatementLine
from payments.sellers.models import CommissionRate, SellerSale

__all__ = [
    "CommissionRate",
    "CreditMovement",
    "GiftCard",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "MoneyOut",
    "Payment",
    "PaymentAttempt",
    "Payout",
    "ProviderEvent",
    "ReceivedMoney",
    "Reconciliation",
    "ReconciliationDifference",
    "Refund",
    "RefundLine",
    "RefusedEvents",
    "SellerSale",
    "Statement",
    "StatementLine",
    "StoreCredit",
]
