"""What is derived: sums of indexed terms, the product rule, one row for every function, the reverse sweep."""
