"""Tags of products: words that staff put on them, across all categories. See docs/attributes.md."""
