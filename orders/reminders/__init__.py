"""Reminding customers of carts that they left."""
