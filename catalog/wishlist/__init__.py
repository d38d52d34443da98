"""What customers wish for, and telling them once when it is back in stock."""
