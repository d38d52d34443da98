"""What must be true of invoices and credit notes."""

from ecommerce.checking import Check

CHECKS = (
    Check(
        "documents are numbered without gaps",
        """
        SELECT 'series ' || d.series || ' has ' || count(*) || ' documents up to ' || max(d.sequence)
            || ', its counter stands at ' || coalesce(max(s.last)::text, 'nothing')
        FROM orders_taxdocument AS d LEFT JOIN orders_numberseries AS s ON s.name = d.series
        GROUP BY d.series
        HAVING count(*) <> max(d.sequence) OR max(d.sequence) IS DISTINCT FROM max(s.last)
        """,
    ),
    Check(
        "every order that was paid a while ago has its invoice, and no other has one",
        """
        SELECT 'order ' || o.number || CASE WHEN d.id IS NULL THEN ' is paid and has no invoice'
            ELSE ' has an invoice and is not paid' END
        FROM orders_order AS o LEFT JOIN orders_taxdocument AS d ON d.order_id = o.id AND d.kind = 'invoice'
        WHERE (d.id IS NOT NULL AND o.paid_at IS NULL)
            -- Those from before there were invoices have none; a worker has a quarter of an hour for a new one.
            OR (d.id IS NULL AND o.paid_at > (SELECT min(issued_at) FROM orders_taxdocument)
                AND o.paid_at < now() - interval '15 minutes')
        """,
    ),
    Check(
        "an invoice is what its order cost",
        """
        SELECT 'invoice ' || d.number || ' is over ' || d.amount || ' ' || d.currency || ', order ' || o.number
            || ' over ' || o.total_amount || ' ' || o.currency
        FROM orders_taxdocument AS d JOIN orders_order AS o ON o.id = d.order_id
        WHERE d.kind = 'invoice' AND (d.amount, d.currency::text) <> (o.total_amount, o.currency::text)
        """,
    ),
    Check(
        "the lines of a document are its sums",
        """
        SELECT 'document ' || d.number || ' is over ' || d.amount || ', its lines make ' || l.gross || ' with '
            || l.tax || ' tax, its rates ' || t.gross || ' with ' || t.tax
        FROM orders_taxdocument AS d
        CROSS JOIN LATERAL (
            SELECT coalesce(sum((r ->> 'gross')::numeric), 0) AS gross, coalesce(sum((r ->> 'tax')::numeric), 0) AS tax,
                coalesce(sum((r ->> 'net')::numeric), 0) AS net
            FROM jsonb_array_elements(d.content -> 'lines') AS r
        ) AS l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum((r ->> 'gross')::numeric), 0) AS gross, coalesce(sum((r ->> 'tax')::numeric), 0) AS tax
            FROM jsonb_array_elements(d.content -> 'taxes') AS r
        ) AS t
        WHERE l.gross <> d.amount OR t.gross <> d.amount OR l.tax <> t.tax OR l.net + l.tax <> l.gross
        """,
    ),
    Check(
        "credit notes take back no more than their invoice, at any rate",
        """
        SELECT 'invoice ' || i.number || ' has ' || sum(c.gross) || ' with ' || sum(c.tax) || ' tax taken back of '
            || i.gross || ' with ' || i.tax || ' at ' || i.rate
        FROM (
            SELECT d.id, d.number, r ->> 'tax_letter' AS rate, (r ->> 'gross')::numeric AS gross,
                (r ->> 'tax')::numeric AS tax
            FROM orders_taxdocument AS d, jsonb_array_elements(d.content -> 'taxes') AS r WHERE d.kind = 'invoice'
        ) AS i JOIN (
            SELECT d.corrects_id, r ->> 'tax_letter' AS rate, (r ->> 'gross')::numeric AS gross,
                (r ->> 'tax')::numeric AS tax
            FROM orders_taxdocument AS d, jsonb_array_elements(d.content -> 'taxes') AS r WHERE d.kind = 'credit_note'
        ) AS c ON c.corrects_id = i.id AND c.rate = i.rate
        GROUP BY i.id, i.number, i.rate, i.gross, i.tax
        HAVING sum(c.gross) > i.gross OR sum(c.tax) > i.tax OR (sum(c.gross) = i.gross AND sum(c.tax) <> i.tax)
        """,
    ),
)
