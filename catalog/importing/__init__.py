"""Bringing a catalogue file into the shop.

``reading`` turns the lines of a file into records or named reasons to skip, ``taxonomy`` finds or makes their
categories and brands, ``writing`` stores records in batches, and ``report`` accounts for every line.
"""
