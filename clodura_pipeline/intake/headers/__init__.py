"""Which header of a file is which column."""
