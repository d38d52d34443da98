"""Paystack's API: transactions, charges, refunds, transfers, disputes, webhooks.

Source: Paystack's documentation and its published samples; integrators' reports where they differ.
"""
