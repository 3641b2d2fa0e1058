"""Fixtures for the tests of the client: the sandbox, and raw servers that misbehave below HTTP."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sandbox_fixtures import start

from clodura_pipeline.clodura.client import ClientSettings, CloduraClient
from clodura_pipeline.sandbox import DEFAULT_API_KEY

__all__ = ["client", "serve", "start"]
Handler = Callable[[socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], str]]:
    """Starts a server that does with each connection what `handle` says; returns its base URL."""
    with ExitStack() as stack:

        def serve_one(handle: Handler) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            stack.callback(_end, listener)

            def accept() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        threading.Thread(target=_handle, args=(handle, connection), daemon=True).start()

            threading.Thread(target=accept, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield serve_one


def _end(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)


def _handle(handle: Handler, connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        handle(connection)


@pytest.fixture
def client() -> Iterator[Callable[..., CloduraClient]]:
    """Makes clients that are closed after the test."""
    with ExitStack() as stack:

        def make(base_url: str, timeout_seconds: float = 2.0, api_key: str = DEFAULT_API_KEY) -> CloduraClient:
            made = CloduraClient(ClientSettings(base_url, api_key, timeout_seconds, pool_size=8))
            stack.callback(made.close)
            return made

        yield make
