"""Carts that customers put aside under a name."""
