"""The server: a listening socket on loopback, and one thread per connection."""

import contextlib
import selectors
import socket
import threading
import time
from dataclasses import replace
from types import TracebackType

from .api import Api
from .books import Books
from .control import PREFIX, answer_control
from .directory import Directory, build_directory
from .options import SandboxOptions
from .wire import Connection, Pace, Reply, Request, UnreadableRequest

# Only this machine may ask: the books hold what was sent, and the options can be changed by anybody who reaches them.
HOST = "127.0.0.1"
_STOP_SECONDS = 0.8


class Sandbox:
    """Clodura's API as far as it is known, on a loopback port. Use it in a `with`, or call `start` and `stop`.

    `options` may be replaced while it runs; the next request obeys them.
    """

    def __init__(
        self, options: SandboxOptions | None = None, port: int = 0, directory: Directory | None = None
    ) -> None:
        self.directory = directory or build_directory()
        self.books = Books()
        self._api = Api(self.directory, options or SandboxOptions(), self.books)
        self._port = port
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[Connection, threading.Thread] = {}
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._wake: socket.socket | None = None

    @property
    def options(self) -> SandboxOptions:
        """The options in force; assign changed ones."""
        return self._api.options

    @options.setter
    def options(self, options: SandboxOptions) -> None:
        self._api.options = options

    @property
    def base_url(self) -> str:
        """Where it listens, like http://127.0.0.1:8900."""
        if self._listener is None:
            raise RuntimeError("the sandbox has not been started")
        return f"http://{HOST}:{self._port}"

    def start(self) -> "Sandbox":
        """Listens from now on. OSError when the port is taken."""
        if self._listener is not None:
            raise RuntimeError("the sandbox has been started before")
        try:
            self._listener = socket.create_server((HOST, self._port), backlog=512)
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on {HOST}:{self._port}: {error.strerror}") from error
        self._port = self._listener.getsockname()[1]
        # A client may be gone between being announced and being accepted; that must not block.
        self._listener.setblocking(False)
        self._wake, woken = socket.socketpair()
        self._acceptor = threading.Thread(
            target=self._accept, args=(self._listener, woken), name="sandbox", daemon=True
        )
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Stops within a second, whatever its connections are waiting for. The books stay readable."""
        self._stopping.set()
        if self._wake is not None:
            self._wake.close()
        until = time.monotonic() + _STOP_SECONDS
        if self._acceptor is not None:
            self._acceptor.join(_STOP_SECONDS)
        with self._lock:
            open_connections = dict(self._connections)
        for connection in open_connections:
            connection.close_from_outside()
        for thread in open_connections.values():
            thread.join(max(0.0, until - time.monotonic()))

    def __enter__(self) -> "Sandbox":
        return self if self._listener is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _accept(self, listener: socket.socket, woken: socket.socket) -> None:
        # `woken` has its end to read when stop() closes the other side: closing a listener ends no wait by itself.
        with listener, woken, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                if not self._stopping.is_set():
                    with contextlib.suppress(OSError):
                        self._take_up(listener.accept()[0])

    def _take_up(self, sock: socket.socket) -> None:
        connection = Connection(sock)
        thread = threading.Thread(target=self._serve, args=(connection,), name="sandbox-connection", daemon=True)
        with self._lock:
            self._connections[connection] = thread
        thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            while not self._stopping.is_set() and (request := connection.read_request()) is not None:
                if not self._answer(connection, request):
                    return
        except UnreadableRequest as problem:
            with contextlib.suppress(OSError):
                self._send(connection, Reply.of_json(400, {"error": str(problem)}), keep_alive=False)
        except OSError:
            return  # the client has gone, as clients do
        finally:
            connection.close()
            with self._lock:
                self._connections.pop(connection, None)

    def _answer(self, connection: Connection, request: Request) -> bool:
        """Answers one request; True when the connection may carry another."""
        if request.path.startswith(PREFIX):
            self._send(connection, answer_control(request, self._api, self.books), request.keep_alive)
            return request.keep_alive
        late, takes = self._api.draw_delays()
        if late:
            self._stopping.wait(late)
            request = replace(request, arrived_at=time.time(), arrived_monotonic=time.monotonic())
        decision = self._api.decide(request)
        finished_at: float | None = None
        try:
            left = request.arrived_monotonic + takes - time.monotonic()
            if left > 0 and self._stopping.wait(left):
                return False
            if connection.deliver(
                decision.reply, decision.delivery, self._api.server_time(), request.keep_alive, self._pace()
            ):
                finished_at = time.time()
        finally:
            self.books.end(decision.number, finished_at)
        return finished_at is not None and request.keep_alive

    def _send(self, connection: Connection, reply: Reply, keep_alive: bool) -> None:
        connection.deliver(reply, "whole", self._api.server_time(), keep_alive, self._pace())

    def _pace(self) -> Pace:
        options = self.options
        return Pace(options.stall_seconds, options.drip_interval_seconds, self._stopping)
