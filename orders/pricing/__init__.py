"""What an order costs: pure functions over whole minor units, without a database."""
