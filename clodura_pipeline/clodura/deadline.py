"""A deadline for whole HTTP calls, and connections that report when a request's first byte leaves.

`requests` bounds single reads only: an answer that drips one byte a second never meets a read timeout. Here a timer
shuts the socket down when the call's time is over, which wakes the reading thread with an error.
"""

import contextlib
import http.client
import io
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool

_this_thread = threading.local()


class Call:
    """One call on this thread, ended after `timeout_seconds`; use it in a `with`.

    `sent`: its first byte has left, so it may be charged. `late`: its time was over before its answer was complete.
    """

    def __init__(self, timeout_seconds: float, before_send: Callable[[], None]) -> None:
        self.sent = False
        self.late = False
        self._before_send = before_send
        self._ends_at = time.monotonic() + timeout_seconds
        self._timer = threading.Timer(timeout_seconds, self._end)
        self._timer.daemon = True
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "Call":
        self._timer.start()
        _this_thread.call = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self.release_socket()
        _this_thread.call = None

    def start_sending(self, sock: socket.socket | None) -> None:
        """Called with the connected socket right before the first byte of the request is written.

        Raises:
            TimeoutError: the call's time is over, so the request must not leave.
        """
        if self.sent:
            return
        self._before_send()
        with self._lock:
            # The timer alone does not decide: after a pause of the whole process this thread may run before it.
            self.late = self.late or time.monotonic() >= self._ends_at
            if self.late:
                raise TimeoutError("the call's time was over before it could be sent")
            self._socket = sock
            self.sent = True

    def release_socket(self) -> None:
        """The answer has been read: the connection may now serve another call, which this deadline must not end."""
        with self._lock:
            self._socket = None

    def _end(self) -> None:
        with self._lock:
            self.late = True
            # TLS through a TLS proxy is not a socket itself, it holds one.
            held = self._socket if isinstance(self._socket, socket.socket) else getattr(self._socket, "socket", None)
            if held is not None:
                _shut_down(held)


class _AnswerReader(io.BufferedReader):
    """Reads one answer. Bytes that follow it end the connection: they would be taken for the next call's answer."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        super().__init__(raw)
        self._socket = sock

    def close(self) -> None:
        if not self.closed:
            # An error means that nothing can be read now: TLS says so by one, and so does a connection that has ended.
            with contextlib.suppress(OSError):
                timeout = self._socket.gettimeout()
                self._socket.settimeout(0)
                try:
                    holds_more = bool(self.peek(1))
                finally:
                    self._socket.settimeout(timeout)
                if holds_more:
                    # It then counts as dropped when the pool looks for a connection to use again.
                    _shut_down(self._socket)
            if call := getattr(_this_thread, "call", None):
                call.release_socket()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = _AnswerReader(self.fp.detach(), sock)


class _ReportsSending:
    """Mixin for urllib3 connections: reports to this thread's call when the first byte of its request leaves."""

    response_class = _Response
    _connecting = False

    def connect(self) -> None:
        # What a proxy is sent to get through to Clodura is not yet the request: it cannot be charged.
        self._connecting = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        call: Call | None = getattr(_this_thread, "call", None)
        if self.sock is None:  # type: ignore[attr-defined]
            self.connect()
        if call and not self._connecting:
            call.start_sending(self.sock)  # type: ignore[attr-defined]
        super().send(data)  # type: ignore[misc]


class _Connection(_ReportsSending, HTTPConnection):
    pass


class _SecureConnection(_ReportsSending, HTTPSConnection):
    pass


class ReportingAdapter(HTTPAdapter):
    """A `requests` adapter on the connections above. Its own retries stay at 0: a retried POST may be paid twice."""

    def __init__(self, pool_size: int) -> None:
        super().__init__(pool_connections=4, pool_maxsize=pool_size, max_retries=0, pool_block=False)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """The pool for a request, directly or through a proxy."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _SecureConnection if pool.scheme == "https" else _Connection  # pyright: ignore[reportAttributeAccessIssue]
        return pool


def _shut_down(sock: socket.socket) -> None:
    """End all reading and writing on a socket, also in other threads."""
    with contextlib.suppress(OSError):
        # The plain socket's method, also under TLS: SSLSocket.shutdown drops state that the reader still uses.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
