"""PayPal's tables. Amounts are text in major units, moments seconds since 1970."""

from simulator import documents, later
from simulator.paypal import request_ids, tokens

SCHEMA = documents.SCHEMA + later.SCHEMA + tokens.SCHEMA + request_ids.SCHEMA
