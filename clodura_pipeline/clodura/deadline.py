"""A deadline for whole HTTP calls: connections that note when bytes leave, and a watch that ends late calls.

`requests` can only bound single reads: an answer that drips one byte a second never meets a read timeout. Here a
watcher shuts the socket down when the call's time is over, which wakes the reading thread with an error.
"""

import contextlib
import heapq
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager, ProxyManager


class Call:
    """One call under way: whether its bytes began to leave, and whether its time ran out."""

    def __init__(self, ends_at: float, before_send: Callable[[], None]) -> None:
        self.ends_at = ends_at
        self.sent = False
        self.late = False
        self.done = False
        self._before_send = before_send
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def sending(self, sock: socket.socket | None) -> None:
        """Called on the connected socket right before the first byte of the request is written.

        Raises:
            TimeoutError: the call's time is over, so the request must not leave.
        """
        if self.sent:
            return
        self._before_send()
        with self._lock:
            # Not only the watch's word for it: after a pause of the whole process this thread may run before the watch.
            if self.late or time.monotonic() >= self.ends_at:
                raise TimeoutError("the call's time was over before it could be sent")
            self._socket = sock
            self.sent = True

    def expire(self) -> None:
        """End the call: wake whoever reads from its socket."""
        with self._lock:
            self.late = True
            sock = self._socket
        # TLS inside a TLS proxy is no socket itself, it holds one.
        plain = sock if isinstance(sock, socket.socket) else getattr(sock, "socket", None)
        if isinstance(plain, socket.socket):
            with contextlib.suppress(OSError):
                # The plain socket's shutdown, also under TLS: SSLSocket.shutdown drops state the reader still uses.
                socket.socket.shutdown(plain, socket.SHUT_RDWR)


_current = threading.local()


class _NotesSending:
    """Mixin for urllib3 connections: tells the current call when its first byte is about to leave."""

    _is_tunnelling = False

    def _tunnel(self) -> None:
        # What is said to a proxy to get through to Clodura is not yet the request: nothing can be charged for it.
        self._is_tunnelling = True
        try:
            super()._tunnel()  # type: ignore[misc]
        finally:
            self._is_tunnelling = False

    def send(self, data: Any) -> None:
        call: Call | None = getattr(_current, "call", None)
        if self.sock is None:  # type: ignore[attr-defined]
            self.connect()  # type: ignore[attr-defined]
        if call is not None and not self._is_tunnelling:
            call.sending(self.sock)  # type: ignore[attr-defined]
        super().send(data)  # type: ignore[misc]


class _Connection(_NotesSending, HTTPConnection):
    pass


class _SecureConnection(_NotesSending, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType]  (urllib3's protocol rejects its own class)


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection  # pyright: ignore[reportAssignmentType]


class WatchedAdapter(HTTPAdapter):
    """A `requests` adapter on the connections above. Its own retries stay at 0: a retried POST may be paid twice."""

    def __init__(self, pool_size: int) -> None:
        super().__init__(pool_connections=4, pool_maxsize=pool_size, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        known = super().proxy_manager_for(proxy, **kwargs)
        self._watch(known)
        return known

    @staticmethod
    def _watch(pools: PoolManager) -> None:
        pools.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class Watch:
    """One thread that ends calls whose time is over."""

    def __init__(self) -> None:
        self._calls: list[tuple[float, int, Call]] = []
        self._orders = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def call(self, timeout_seconds: float, before_send: Callable[[], None]) -> Iterator[Call]:
        """Run the body as one watched call on this thread, ended after `timeout_seconds`."""
        call = Call(time.monotonic() + timeout_seconds, before_send)
        self._add(call)
        _current.call = call
        try:
            yield call
        finally:
            _current.call = None
            call.done = True

    def close(self) -> None:
        """Let the thread end."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _add(self, call: Call) -> None:
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="clodura-deadlines", daemon=True)
                self._thread.start()
            heapq.heappush(self._calls, (call.ends_at, next(self._orders), call))
            if self._calls[0][2] is call:
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                while self._calls and (self._calls[0][0] <= now or self._calls[0][2].done):
                    call = heapq.heappop(self._calls)[2]
                    if not call.done:
                        call.expire()
                self._changed.wait(self._calls[0][0] - now if self._calls else None)
