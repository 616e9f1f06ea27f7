"""Whether it is true: printed lines are read back and evaluated, and compared with differences."""
