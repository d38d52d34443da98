"""Orders of people without an account: their links, and taking them into an account."""
