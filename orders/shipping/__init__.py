"""Where the shop delivers, how, for how much, and where customers collect."""
