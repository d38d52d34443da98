"""Daraja's tables. Amounts are whole shillings, moments seconds since 1970."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS mpesa_token (
    token TEXT PRIMARY KEY,
    expires_at REAL NOT NULL
);

CREATE TABLE IF NOT EXISTS mpesa_phone (
    msisdn TEXT PRIMARY KEY,
    balance INTEGER NOT NULL CHECK (balance >= 0),
    wrong_pins INTEGER NOT NULL DEFAULT 0,
    seen_at REAL NOT NULL
);

CREATE TABLE IF NOT EXISTS mpesa_payment (
    checkout_request_id TEXT PRIMARY KEY,
    merchant_request_id TEXT NOT NULL UNIQUE,
    msisdn TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 1),
    reference TEXT NOT NULL,
    description TEXT NOT NULL,
    transaction_type TEXT NOT NULL,
    shortcode TEXT NOT NULL,
    party_b TEXT NOT NULL,
    callback_url TEXT NOT NULL,
    faults TEXT NOT NULL,
    queries INTEGER NOT NULL DEFAULT 0,
    decided_code TEXT,
    status TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'successful', 'failed')),
    result_code TEXT,
    receipt_number TEXT UNIQUE,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    finished_at REAL,
    CHECK ((status = 'waiting') = (result_code IS NULL)),
    CHECK ((status = 'successful') = (receipt_number IS NOT NULL))
);
-- A phone shows one prompt at a time.
CREATE UNIQUE INDEX IF NOT EXISTS mpesa_one_prompt ON mpesa_payment (msisdn) WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS mpesa_paid_by_phone ON mpesa_payment (msisdn, finished_at)
    WHERE status = 'successful';
CREATE INDEX IF NOT EXISTS mpesa_payment_by_reference ON mpesa_payment (reference);

CREATE TABLE IF NOT EXISTS mpesa_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    msisdn TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('receipt', 'failure')),
    text TEXT NOT NULL,
    sent_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS mpesa_message_by_phone ON mpesa_message (msisdn, id);
"""
