"""Listings: making, changing, finding and showing them."""
