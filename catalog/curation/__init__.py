"""Collections: products that staff put together, by hand or by a rule."""
