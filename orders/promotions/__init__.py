"""Promotions and coupons: who pays less for what, and how often."""
