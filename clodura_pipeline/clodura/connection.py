"""HTTP connections to one server, kept open between calls, whose answers are read until a deadline.

A socket's own timeout bounds single reads only: an answer that drips one byte a second never meets it. Here each read
gets the time that is left for the whole call.
"""

import base64
import contextlib
import functools
import http.client
import io
import os
import selectors
import socket
import ssl
import time
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi

CONNECT_TIMEOUT_SECONDS = 10.0


class Connections:
    """Open connections to the server of a base URL, for any number of threads; close it when done.

    Proxy and trusted certificates are those that the environment names (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE), as
    for other Python programs. A call over plain http, which is to this machine, goes through no proxy.
    """

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        self._server = urlsplit(base_url)
        self._timeout_seconds = min(CONNECT_TIMEOUT_SECONDS, timeout_seconds)
        self._idle: deque[http.client.HTTPConnection] = deque()
        if self._server.scheme == "https":
            trusted = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
            self._tls = ssl.create_default_context()
            self._tls.load_verify_locations(**{"capath" if Path(trusted).is_dir() else "cafile": trusted})

    def take(self) -> http.client.HTTPConnection:
        """An open connection with nothing left to read on it; give it back, or close it."""
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if connection.sock is not None and not _is_readable(connection.sock):
                    return connection
                connection.close()
        connection = self._new_connection()
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        """Keep a connection whose answer has been read for the next call."""
        self._idle.append(connection)

    def close(self) -> None:
        """Close the connections that no call uses."""
        while self._idle:
            self._idle.pop().close()

    def _new_connection(self) -> http.client.HTTPConnection:
        host, port, timeout = self._server.hostname or "", self._server.port, self._timeout_seconds
        if self._server.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout)
        proxies = {} if proxy_bypass(host) else getproxies()
        named = proxies.get("https") or proxies.get("all")
        if not named:
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._tls)
        proxy = urlsplit(named if "://" in named else f"http://{named}")
        through = http.client.HTTPSConnection(
            proxy.hostname or "", proxy.port or 80, timeout=timeout, context=self._tls
        )
        user = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}"
        credentials = {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
        through.set_tunnel(host, port, credentials if proxy.username else {})
        return through


def read_until(ends_at: float, connection: http.client.HTTPConnection) -> None:
    """Bound sending and reading of the next call on an open connection to a monotonic time.

    Raises:
        TimeoutError: it has passed already; later reads raise the same.
    """
    connection.response_class = functools.partial(_Response, ends_at)  # pyright: ignore[reportAttributeAccessIssue]
    _limit(connection.sock, ends_at)


class _Response(http.client.HTTPResponse):
    def __init__(self, ends_at: float, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = _AnswerReader(_Arriving(self.fp.detach(), sock, ends_at))


class _Arriving(io.RawIOBase):
    """What arrives on a socket, until a monotonic time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, ends_at: float) -> None:
        self.sock = sock
        self.is_answered = False
        self._raw = raw
        self._ends_at = ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_answered:
            return 0
        _limit(self.sock, self._ends_at)
        return self._raw.readinto(buffer)  # pyright: ignore[reportAttributeAccessIssue]

    def close(self) -> None:
        self._raw.close()
        super().close()


class _AnswerReader(io.BufferedReader):
    """Reads one answer. Bytes that follow it end the connection: they would be taken for the next call's answer."""

    def __init__(self, arriving: _Arriving) -> None:
        super().__init__(arriving)
        self._arriving = arriving

    def close(self) -> None:
        if not self.closed:
            self._arriving.is_answered = True
            if self.peek(1):
                with contextlib.suppress(OSError):
                    # The plain socket's method, also under TLS: it cannot wait for the other side.
                    socket.socket.shutdown(self._arriving.sock, socket.SHUT_RDWR)
        super().close()


def _limit(sock: socket.socket, ends_at: float) -> None:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("the call's time is over")
    sock.settimeout(left)


def _is_readable(sock: socket.socket) -> bool:
    """Whether there is something to read: bytes that belong to no answer, or the end of the connection."""
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))
