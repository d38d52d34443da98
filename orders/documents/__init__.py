"""Tax documents of orders: invoices and credit notes, numbered without gaps and never changed; packing slips."""
