"""Paystack's wire format, the merchant's side of it."""
