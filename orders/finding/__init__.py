"""Finding orders by whatever a customer tells, or staff have at hand."""
