"""Fuzzers: made-up files, answers and tables, mostly valid, against rules that hold for any input."""
