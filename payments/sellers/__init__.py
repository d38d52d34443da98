"""What the shop owes its sellers: sales less commission, in the books, and the statement of each."""
