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
CREATE INDEX IF NOT EXISTS mpesa_payment_by_reference ON mpesa_payment (reference);

CREATE TABLE IF NOT EXISTS mpesa_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    msisdn TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('receipt', 'failure', 'received')),
    text TEXT NOT NULL,
    sent_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS mpesa_message_by_phone ON mpesa_message (msisdn, id);

-- Every movement of the merchant's money. The balances are those of his accounts after it.
CREATE TABLE IF NOT EXISTS mpesa_movement (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    receipt_number TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('stk', 'c2b', 'b2c', 'b2b', 'reversal')),
    source_id TEXT NOT NULL,
    transaction_type TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 1),
    charge INTEGER NOT NULL DEFAULT 0,
    shortcode TEXT NOT NULL,
    other_party TEXT NOT NULL,
    reference TEXT NOT NULL,
    linked_receipt TEXT,
    utility_change INTEGER NOT NULL,
    utility_balance INTEGER NOT NULL CHECK (utility_balance >= 0),
    working_balance INTEGER NOT NULL CHECK (working_balance >= 0),
    initiated_at REAL NOT NULL,
    completed_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS mpesa_movement_by_party ON mpesa_movement (other_party, completed_at);
CREATE INDEX IF NOT EXISTS mpesa_movement_by_time ON mpesa_movement (completed_at);
CREATE INDEX IF NOT EXISTS mpesa_movement_by_link ON mpesa_movement (linked_receipt)
    WHERE linked_receipt IS NOT NULL;
CREATE INDEX IF NOT EXISTS mpesa_movement_by_source ON mpesa_movement (source_id);

CREATE TABLE IF NOT EXISTS mpesa_c2b_url (
    shortcode TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version IN (1, 2)),
    response_type TEXT NOT NULL CHECK (response_type IN ('Completed', 'Cancelled')),
    confirmation_url TEXT NOT NULL,
    validation_url TEXT NOT NULL
);

-- Payments that customers start themselves, by paybill or at a till.
CREATE TABLE IF NOT EXISTS mpesa_c2b (
    trans_id TEXT PRIMARY KEY,
    msisdn TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 1),
    transaction_type TEXT NOT NULL CHECK (transaction_type IN ('Pay Bill', 'Buy Goods')),
    number TEXT NOT NULL,
    reference TEXT NOT NULL,
    third_party_trans_id TEXT NOT NULL DEFAULT '',
    faults TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'successful', 'failed')),
    result_code TEXT,
    created_at REAL NOT NULL,
    finished_at REAL
);

-- What an initiator asks for: answered at once, done in the background, reported to its ResultURL.
CREATE TABLE IF NOT EXISTS mpesa_operation (
    conversation_id TEXT PRIMARY KEY,
    originator_conversation_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('b2c', 'b2b', 'reversal', 'status', 'balance')),
    command TEXT NOT NULL,
    shortcode TEXT NOT NULL,
    other_party TEXT NOT NULL,
    amount INTEGER,
    reference TEXT NOT NULL,
    receipt TEXT NOT NULL,
    asked_conversation TEXT NOT NULL,
    remarks TEXT NOT NULL,
    occasion TEXT NOT NULL,
    result_url TEXT NOT NULL,
    timeout_url TEXT NOT NULL,
    faults TEXT NOT NULL,
    decided_code TEXT,
    status TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'successful', 'failed')),
    result_code TEXT,
    receipt_number TEXT UNIQUE,
    created_at REAL NOT NULL,
    timed_out_at REAL,
    finished_at REAL
);
CREATE INDEX IF NOT EXISTS mpesa_operation_waiting ON mpesa_operation (status) WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS mpesa_operation_by_receipt ON mpesa_operation (receipt) WHERE receipt != '';

CREATE TABLE IF NOT EXISTS mpesa_initiator (
    name TEXT PRIMARY KEY,
    wrong_tries INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS mpesa_certificate (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    private_key TEXT NOT NULL,
    certificate TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS mpesa_pull (
    shortcode TEXT PRIMARY KEY,
    nominated_number TEXT NOT NULL,
    callback_url TEXT NOT NULL
);
"""
