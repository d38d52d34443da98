"""Chapa (Ethiopia), v1's wire format, the merchant's side of it."""
