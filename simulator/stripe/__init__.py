"""Stripe's API as merchants use it: Checkout Sessions, PaymentIntents, refunds, disputes, transfers, webhooks.

Source: Stripe API reference, version 2026-10-28.endive; the traffic of the official Python library.
"""
