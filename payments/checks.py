"""What must be true of the books, one query each; every row that a query gives is a culprit.

Run by ``manage.py check_ledger``: after fault tests, and nightly in production.
"""

# ruff: noqa: S608 - put together from constants alone

from ecommerce.checking import Check
from ecommerce.currencies import ISO_4217

# Whole minor units of an amount with two places; currencies with other exponents keep theirs in the ledger alone.
_LEDGER = """
    SELECT t.kind, t.source, t.payment_id, t.received_id, t.refund_id, t.payout_id, a.code, a.currency, e.amount
    FROM payments_ledgerentry AS e
    JOIN payments_ledgertransaction AS t ON t.id = e.transaction_id
    JOIN payments_ledgeraccount AS a ON a.id = e.account_id
"""
# How many minor units one of a currency has, and an amount in them.
_UNITS = " ".join(f"WHEN '{code}' THEN {10**currency.exponent}" for code, currency in sorted(ISO_4217.items()))
_CREDIT_CODES = "('gift_cards', 'store_credit')"
_BALANCES = """
    SELECT 'gift_cards' AS code, c.id, c.currency, c.balance,
           (SELECT coalesce(sum(m.amount), 0) FROM payments_creditmovement AS m WHERE m.gift_card_id = c.id) AS moved
    FROM payments_giftcard AS c
    UNION ALL
    SELECT 'store_credit', s.id, s.currency, s.balance,
           (SELECT coalesce(sum(m.amount), 0) FROM payments_creditmovement AS m WHERE m.store_credit_id = s.id)
    FROM payments_storecredit AS s
"""


def _in_units(amount: str, currency: str) -> str:
    return f"({amount} * CASE {currency} {_UNITS} END)"


CHECKS = (
    Check(
        "every ledger transaction is balanced in each currency",
        f"""
        SELECT 'transaction ' || l.source || ' ' || l.kind || ' sums to ' || sum(l.amount) || ' ' || l.currency
        FROM ({_LEDGER}) AS l GROUP BY l.source, l.kind, l.currency HAVING sum(l.amount) <> 0
        """,
    ),
    Check(
        "what sellers have earned is in the books",
        f"""
        SELECT 'seller ' || s.code || ' has earned ' || s.net || ', the books say ' || coalesce(l.net, 0)
        FROM (
            SELECT 'seller:' || replace(seller_id::text, '-', '') AS code, currency,
                   sum({_in_units("(gross - commission)", "currency")}) AS net
            FROM payments_sellersale GROUP BY seller_id, currency
        ) AS s
        LEFT JOIN (
            SELECT l.code, l.currency, -sum(l.amount) AS net FROM ({_LEDGER}) AS l
            WHERE l.kind = 'seller_sale' GROUP BY l.code, l.currency
        ) AS l ON l.code = s.code AND l.currency = s.currency
        WHERE s.net <> coalesce(l.net, 0)
        """,
    ),
    Check(
        "no ledger transaction is empty",
        """
        SELECT 'transaction ' || t.source || ' ' || t.kind || ' has no entries'
        FROM payments_ledgertransaction AS t
        WHERE NOT EXISTS (SELECT 1 FROM payments_ledgerentry AS e WHERE e.transaction_id = t.id)
        """,
    ),
    Check(
        "all money that was received, and no claim, is booked once",
        """
        SELECT 'received ' || r.id || ' (' || r.status || ') is booked ' || count(t.id) || ' times'
        FROM payments_receivedmoney AS r
        LEFT JOIN payments_ledgertransaction AS t ON t.received_id = r.id AND t.kind = 'received'
        GROUP BY r.id, r.status
        HAVING count(t.id) <> CASE WHEN r.status IN ('unverified', 'dismissed') THEN 0 ELSE 1 END
        """,
    ),
    Check(
        "what is applied is booked as applied, and nothing else is",
        """
        SELECT 'received ' || r.id || ' (' || r.status || ') is applied ' || count(t.id) || ' times'
        FROM payments_receivedmoney AS r
        LEFT JOIN payments_ledgertransaction AS t ON t.received_id = r.id AND t.kind = 'applied'
        GROUP BY r.id, r.status
        HAVING count(t.id) <> CASE WHEN r.status = 'applied' THEN 1 ELSE 0 END
        """,
    ),
    Check(
        "a payment is successful exactly when what was applied covers it",
        """
        SELECT 'payment ' || p.id || ' is ' || p.status || ', applied is ' || coalesce(sum(r.applied_amount), 0)
               || ' of ' || p.amount || ' ' || p.currency
        FROM payments_payment AS p
        LEFT JOIN payments_receivedmoney AS r ON r.payment_id = p.id AND r.status = 'applied'
        GROUP BY p.id
        HAVING (coalesce(sum(r.applied_amount), 0) >= p.amount)
               <> (p.status IN ('successful', 'refunded', 'partially_refunded'))
        """,
    ),
    Check(
        "money pays what it is worth: in one currency, all of it but for rounding",
        """
        SELECT 'received ' || r.id || ' brought ' || r.amount || ' and pays ' || r.applied_amount || ' ' || r.currency
        FROM payments_receivedmoney AS r JOIN payments_payment AS p ON p.id = r.payment_id
        WHERE r.status = 'applied' AND r.currency = p.currency AND abs(r.amount - r.applied_amount) >= 1
        """,
    ),
    Check(
        "an attempt succeeded exactly when money belongs to it",
        """
        SELECT 'attempt ' || a.id || ' is ' || a.status || ', its money is ' || coalesce(r.status, 'missing')
        FROM payments_paymentattempt AS a LEFT JOIN payments_receivedmoney AS r ON r.attempt_id = a.id
        WHERE (a.status = 'succeeded') <> (r.id IS NOT NULL)
        """,
    ),
    Check(
        "an order is paid exactly when its payment is, or the money is on its way back",
        """
        SELECT 'order ' || o.number || ' is ' || o.status || ', its payment is ' || coalesce(p.status, 'missing')
        FROM orders_order AS o LEFT JOIN payments_payment AS p ON p.order_id = o.id
        WHERE (o.status IN ('paid', 'shipped', 'delivered') AND o.total_amount > 0
               AND coalesce(p.status, '') NOT IN ('successful', 'partially_refunded', 'refunded')
               AND NOT (o.pay_on_delivery AND o.status <> 'paid' AND o.paid_at IS NULL))
           OR (o.status = 'pending' AND p.status IN ('successful', 'partially_refunded', 'refunded'))
           OR (o.status = 'cancelled' AND p.status = 'successful' AND NOT p.needs_refund
               AND NOT EXISTS (SELECT 1 FROM payments_refund AS r WHERE r.payment_id = p.id))
        """,
    ),
    Check(
        "no receipt gives back more than it brought",
        """
        SELECT 'received ' || r.id || ' brought ' || r.amount || ' and gives back ' || sum(f.amount)
        FROM payments_receivedmoney AS r JOIN payments_refund AS f ON f.received_id = r.id AND f.status <> 'failed'
        GROUP BY r.id HAVING sum(f.amount) > r.amount
        """,
    ),
    Check(
        "each refund is booked as far as it has come",
        """
        SELECT 'refund ' || f.id || ' is ' || f.status || ', booked: ' || coalesce(string_agg(t.kind, ', '), 'nothing')
        FROM payments_refund AS f LEFT JOIN payments_ledgertransaction AS t ON t.refund_id = f.id
        GROUP BY f.id
        HAVING count(*) FILTER (WHERE t.kind = 'refund_owed') <> 1
            OR count(*) FILTER (WHERE t.kind = 'refund_paid') <> (f.status = 'succeeded')::int
            OR count(*) FILTER (WHERE t.kind = 'refund_dropped') <> (f.status = 'failed')::int
        """,
    ),
    Check(
        "surplus money is on its way back or on the work list",
        """
        SELECT 'received ' || r.id || ' is surplus, and no refund was ever owed'
        FROM payments_receivedmoney AS r
        WHERE r.status = 'surplus' AND NOT EXISTS (SELECT 1 FROM payments_refund AS f WHERE f.received_id = r.id)
        """,
    ),
    Check(
        "the account of promised refunds holds what the open refunds promise",
        f"""
        SELECT 'refunds account ' || coalesce(l.currency, f.currency) || ': ' || coalesce(l.held, 0)
               || ' booked, ' || coalesce(f.promised, 0) || ' promised'
        FROM (SELECT currency, -sum(amount) AS held FROM ({_LEDGER}) AS x WHERE code = 'refunds' GROUP BY 1) AS l
        FULL JOIN (
            SELECT t.currency, sum(t.booked) AS promised FROM (
                SELECT a.currency, -e.amount AS booked
                FROM payments_refund AS r
                JOIN payments_ledgertransaction AS lt ON lt.refund_id = r.id AND lt.kind = 'refund_owed'
                JOIN payments_ledgerentry AS e ON e.transaction_id = lt.id
                JOIN payments_ledgeraccount AS a ON a.id = e.account_id AND a.code = 'refunds'
                WHERE r.status NOT IN ('succeeded', 'failed')
            ) AS t GROUP BY 1
        ) AS f USING (currency)
        WHERE coalesce(l.held, 0) <> coalesce(f.promised, 0)
        """,
    ),
    Check(
        "each payout is booked as far as it has come",
        """
        SELECT 'payout ' || f.id || ' is ' || f.status || ', booked: ' || coalesce(string_agg(t.kind, ', '), 'nothing')
        FROM payments_payout AS f LEFT JOIN payments_ledgertransaction AS t ON t.payout_id = f.id
        GROUP BY f.id
        HAVING count(*) FILTER (WHERE t.kind = 'payout_owed') <> 1
            OR count(*) FILTER (WHERE t.kind = 'payout_paid') <> (f.status = 'succeeded')::int
            OR count(*) FILTER (WHERE t.kind = 'payout_dropped') <> (f.status = 'failed')::int
        """,
    ),
    Check(
        "the account of promised payouts holds what the open payouts promise",
        f"""
        SELECT 'payouts account ' || coalesce(l.currency, f.currency) || ': ' || coalesce(l.held, 0)
               || ' booked, ' || coalesce(f.promised, 0) || ' promised'
        FROM (SELECT currency, -sum(amount) AS held FROM ({_LEDGER}) AS x WHERE code = 'payouts' GROUP BY 1) AS l
        FULL JOIN (
            SELECT x.currency, -sum(x.amount) AS promised
            FROM ({_LEDGER}) AS x JOIN payments_payout AS p ON p.id = x.payout_id
            WHERE x.code = 'payouts' AND x.kind = 'payout_owed' AND p.status NOT IN ('succeeded', 'failed')
            GROUP BY 1
        ) AS f USING (currency)
        WHERE coalesce(l.held, 0) <> coalesce(f.promised, 0)
        """,
    ),
    Check(
        "the suspense account holds what belongs to no payment",
        f"""
        SELECT 'suspense ' || coalesce(l.currency, m.currency) || ': ' || coalesce(l.held, 0)
               || ' booked, ' || coalesce(m.waiting, 0) || ' waiting'
        FROM (SELECT currency, -sum(amount) AS held FROM ({_LEDGER}) AS x WHERE code = 'suspense' GROUP BY 1) AS l
        FULL JOIN (
            SELECT currency, sum(waiting) AS waiting FROM (
                SELECT a.currency, -e.amount AS waiting
                FROM payments_receivedmoney AS r
                JOIN payments_ledgertransaction AS t ON t.received_id = r.id AND t.kind = 'received'
                JOIN payments_ledgerentry AS e ON e.transaction_id = t.id
                JOIN payments_ledgeraccount AS a ON a.id = e.account_id AND a.code = 'suspense'
                WHERE r.status IN ('unmatched', 'surplus', 'returned')
                UNION ALL
                SELECT a.currency, -e.amount
                FROM payments_refund AS f
                JOIN payments_ledgertransaction AS t ON t.refund_id = f.id
                JOIN payments_ledgerentry AS e ON e.transaction_id = t.id
                JOIN payments_ledgeraccount AS a ON a.id = e.account_id AND a.code = 'suspense'
            ) AS x GROUP BY 1
        ) AS m USING (currency)
        WHERE coalesce(l.held, 0) <> coalesce(m.waiting, 0)
        """,
    ),
    Check(
        "what is on a gift card, or is store credit, is the sum of its movements, and never below zero",
        f"""
        SELECT b.code || ' ' || b.id || ' holds ' || b.balance || ' ' || b.currency || ', its movements are ' || b.moved
        FROM ({_BALANCES}) AS b WHERE b.balance <> b.moved OR b.balance < 0
        """,
    ),
    Check(
        "each movement of credit is booked with its amount, on the account of its kind",
        f"""
        SELECT 'movement ' || m.id || ' (' || m.kind || ') is ' || m.amount || ', booked: ' || coalesce(x.booked, 0)
        FROM payments_creditmovement AS m
        LEFT JOIN payments_giftcard AS c ON c.id = m.gift_card_id
        LEFT JOIN payments_storecredit AS s ON s.id = m.store_credit_id
        LEFT JOIN LATERAL (
            SELECT -sum(e.amount) AS booked
            FROM payments_ledgerentry AS e JOIN payments_ledgeraccount AS a ON a.id = e.account_id
            WHERE e.transaction_id = m.transaction_id AND a.currency = coalesce(c.currency, s.currency)
              AND a.code = CASE WHEN c.id IS NULL THEN 'store_credit' ELSE 'gift_cards' END
        ) AS x ON true
        WHERE coalesce(x.booked, 0) <> {_in_units("m.amount", "coalesce(c.currency, s.currency)")}
        """,
    ),
    Check(
        "nothing is booked as credit without a movement",
        f"""
        SELECT 'transaction ' || t.source || ' ' || t.kind || ' moves credit of nobody'
        FROM payments_ledgertransaction AS t
        WHERE EXISTS (
            SELECT 1 FROM payments_ledgerentry AS e JOIN payments_ledgeraccount AS a ON a.id = e.account_id
            WHERE e.transaction_id = t.id AND a.code IN {_CREDIT_CODES}
        ) AND NOT EXISTS (SELECT 1 FROM payments_creditmovement AS m WHERE m.transaction_id = t.id)
        """,
    ),
    Check(
        "the accounts of gift cards and store credit hold what all balances are together",
        f"""
        SELECT coalesce(l.code, b.code) || ' ' || coalesce(l.currency, b.currency) || ': ' || coalesce(l.held, 0)
               || ' booked, ' || coalesce(b.owed, 0) || ' on the balances'
        FROM (
            SELECT code, currency, -sum(amount) AS held
            FROM ({_LEDGER}) AS x WHERE code IN {_CREDIT_CODES} GROUP BY 1, 2
        ) AS l
        FULL JOIN (
            SELECT code, currency, sum({_in_units("balance", "currency")}) AS owed FROM ({_BALANCES}) AS x GROUP BY 1, 2
        ) AS b USING (code, currency)
        WHERE coalesce(l.held, 0) <> coalesce(b.owed, 0)
        """,
    ),
    Check(
        "what was paid with credit was spent once, and what went back to it came back once",
        """
        SELECT 'received ' || r.id || ' of ' || r.amount || ' was spent as ' || coalesce(sum(m.amount), 0)
        FROM payments_receivedmoney AS r
        LEFT JOIN payments_creditmovement AS m ON m.received_id = r.id AND m.kind = 'spend'
        WHERE r.provider IN ('gift_card', 'store_credit')
        GROUP BY r.id HAVING count(m.id) <> 1 OR sum(m.amount) <> -r.amount
        UNION ALL
        SELECT 'refund ' || f.id || ' of ' || f.amount || ' is ' || f.status || ' and came back as '
               || coalesce(sum(m.amount), 0)
        FROM payments_refund AS f LEFT JOIN payments_creditmovement AS m ON m.refund_id = f.id
        WHERE f.provider IN ('gift_card', 'store_credit')
        GROUP BY f.id HAVING f.status <> 'succeeded' OR count(m.id) <> 1 OR sum(m.amount) <> f.amount
        """,
    ),
    Check(
        "every live attempt has a next question, unless only staff can say what became of it",
        """
        SELECT 'attempt ' || id || ' is ' || status || ' and is asked about no more'
        FROM payments_paymentattempt
        WHERE status IN ('created', 'sending', 'pending', 'unknown') AND next_query_at IS NULL
          AND NOT (provider = 'manual' AND status = 'pending')
        """,
    ),
    Check(
        "an order that is not shipped knows whether it is paid at the door",
        """
        SELECT 'order ' || o.number || (CASE WHEN o.pay_on_delivery THEN ' is' ELSE ' is not' END)
               || ' to be paid at the door, against its attempts'
        FROM orders_order AS o LEFT JOIN payments_payment AS p ON p.order_id = o.id
        WHERE o.status = 'pending' AND o.pay_on_delivery <> EXISTS (
            SELECT 1 FROM payments_paymentattempt AS a
            WHERE a.payment_id = p.id AND a.method = 'cash_on_delivery'
              AND a.status IN ('created', 'sending', 'pending', 'unknown')
        )
        """,
    ),
    Check(
        "an order knows when money for it may still arrive",
        """
        SELECT 'order ' || o.number || ' may be cancelled while an attempt is ' || a.status
        FROM orders_order AS o
        JOIN payments_payment AS p ON p.order_id = o.id JOIN payments_paymentattempt AS a ON a.payment_id = p.id
        WHERE a.status IN ('created', 'sending', 'pending', 'unknown', 'review') AND NOT o.payment_open
        """,
    ),
    Check(
        "what providers told is worked on, or waits for a person",
        """
        SELECT 'event ' || id || ' of ' || provider || ' is open since ' || created_at
        FROM payments_providerevent
        WHERE handled_at IS NULL AND last_error = '' AND created_at < now() - interval '15 minutes'
        """,
    ),
)
