"""What is found, in forms that a person writes: matrix products, named values, a function, einsum, Kronecker."""
