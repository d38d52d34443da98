"""What must be true of orders, one query each; every row that a query gives is a culprit.

Run by ``manage.py check_orders``: after fault tests, and nightly in production.
"""

from catalog.checking import Check
from orders.backorders.checks import CHECKS as BACKORDER_CHECKS
from orders.documents.checks import CHECKS as DOCUMENT_CHECKS
from orders.fulfilment.checks import CHECKS as FULFILMENT_CHECKS
from orders.returns.checks import CHECKS as RETURN_CHECKS

CHECKS: tuple[Check, ...] = (*FULFILMENT_CHECKS, *BACKORDER_CHECKS, *RETURN_CHECKS, *DOCUMENT_CHECKS)
