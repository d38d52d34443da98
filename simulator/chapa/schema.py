"""Chapa (Ethiopia), v1's tables. Amounts are in the smallest unit, moments seconds since 1970."""

SCHEMA = ""
