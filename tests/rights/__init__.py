"""The rights matrix: every operation of the OpenAPI document, asked as everybody."""
