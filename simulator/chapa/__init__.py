"""Chapa's v1 API (Ethiopia): hosted links, verify, refunds, transfers, webhooks.

Source: Chapa's documentation and plugins; integrators' reports where they differ.
"""
