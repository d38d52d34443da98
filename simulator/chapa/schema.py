"""Chapa's tables. Amounts are in hundredths, moments seconds since 1970."""

from simulator import documents, later

SCHEMA = (
    documents.SCHEMA
    + later.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS chapa_payment (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    tx_ref TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL UNIQUE,
    requested INTEGER NOT NULL CHECK (requested >= 1),
    requested_currency TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 1),
    currency TEXT NOT NULL,
    payer TEXT NOT NULL,
    callback_url TEXT NOT NULL,
    return_url TEXT NOT NULL,
    customization TEXT NOT NULL,
    meta TEXT NOT NULL,
    faults TEXT NOT NULL,
    verifies INTEGER NOT NULL DEFAULT 0,
    refunds INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT '',
    page TEXT NOT NULL DEFAULT 'open' CHECK (page IN ('open', 'paid', 'failed', 'cancelled', 'expired')),
    method TEXT NOT NULL DEFAULT '',
    charge INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    log TEXT NOT NULL DEFAULT '[]',
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    paid_at REAL,
    CHECK ((page = 'paid') = (paid_at IS NOT NULL)),
    CHECK ((paid_at IS NULL) = (charge IS NULL))
);
CREATE INDEX IF NOT EXISTS chapa_open ON chapa_payment (position) WHERE page = 'open';
"""
)
