"""Paystack's tables. Amounts are in hundredths, moments seconds since 1970."""

from simulator import documents, later

SCHEMA = (
    documents.SCHEMA
    + later.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS paystack_transaction (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id INTEGER NOT NULL UNIQUE,
    reference TEXT NOT NULL UNIQUE,
    access_code TEXT NOT NULL UNIQUE,
    direct INTEGER NOT NULL,
    email TEXT NOT NULL,
    requested INTEGER NOT NULL CHECK (requested >= 1),
    requested_currency TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 1),
    currency TEXT NOT NULL,
    channels TEXT NOT NULL,
    callback_url TEXT NOT NULL,
    label TEXT NOT NULL,
    metadata TEXT NOT NULL,
    details TEXT NOT NULL,
    faults TEXT NOT NULL,
    verifies INTEGER NOT NULL DEFAULT 0,
    refunds INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL,
    page TEXT NOT NULL DEFAULT 'open' CHECK (page IN ('open', 'paid', 'failed', 'cancelled', 'expired')),
    step TEXT NOT NULL,
    channel TEXT NOT NULL,
    instrument TEXT NOT NULL DEFAULT '',
    authorization_code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    gateway_response TEXT NOT NULL,
    fees INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    ip_address TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    paid_at REAL,
    CHECK ((page = 'paid') = (paid_at IS NOT NULL)),
    CHECK ((paid_at IS NULL) = (fees IS NULL))
);
CREATE INDEX IF NOT EXISTS paystack_open ON paystack_transaction (position) WHERE page = 'open';
CREATE INDEX IF NOT EXISTS paystack_by_authorization ON paystack_transaction (authorization_code)
    WHERE authorization_code != '';
"""
)
