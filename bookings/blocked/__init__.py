"""Dates in which a host lets nothing."""
