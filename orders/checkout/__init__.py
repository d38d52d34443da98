"""From a cart, or a list of things, to an order: steps of the checkout, and the one service in which they end."""
