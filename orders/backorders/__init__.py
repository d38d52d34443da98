"""Units that were sold before they were here: who waits for how many, and who gets those that come."""
