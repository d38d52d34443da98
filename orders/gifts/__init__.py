"""Gift cards that are ordered: for whom they are."""
