"""Safaricom's Daraja API for M-Pesa: tokens, STK push, STK query, callbacks.

Source: Daraja 3.0 documentation; the traffic that integrators have reported, typing errors included.
"""
