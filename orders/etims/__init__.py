"""eTIMS, the Kenya Revenue Authority's electronic invoices: a control unit is told of documents, and signs them."""
