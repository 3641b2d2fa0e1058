"""The fixture of tests that call a sandbox."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from clodura_pipeline.sandbox import Sandbox, SandboxOptions


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Starts a sandbox with the given options, and stops it after the test."""
    with ExitStack() as stack:

        def start_one(**options: Any) -> Sandbox:
            return stack.enter_context(Sandbox(SandboxOptions(**options)))

        yield start_one
