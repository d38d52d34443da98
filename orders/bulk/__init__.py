"""One thing done with many orders: each in a transaction of its own, each with its own answer."""
