"""What staff change of an order that is not paid yet: its lines, where it goes, what is taken off."""
