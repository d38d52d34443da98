"""Sellers as customers meet them, and what becomes of their products when they are suspended."""
