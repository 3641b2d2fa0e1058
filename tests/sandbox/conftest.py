"""The fixture of the tests of the sandbox."""

from sandbox_fixtures import start

__all__ = ["start"]
