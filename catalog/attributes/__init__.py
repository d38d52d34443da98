"""What is known of products by category: typed attributes, their units and choices. See docs/attributes.md."""
