"""The address book of a customer."""

MOST_ADDRESSES = 50  # of one customer
