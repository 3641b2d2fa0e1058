"""Erasure requests in the working database and the published file."""
