"""Fixtures of the warehouse's tests."""

from small_warehouse import warehouse

__all__ = ["warehouse"]
