"""Fixtures of the warehouse's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_warehouse import Warehouse, open_warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """An empty one."""
    with open_warehouse(tmp_path) as opened:
        yield opened
