"""Prices besides a variant's own: by customer group, quantity and period."""
