"""The server: one thread per connection on a loopback port; its own paths show the call log and set options."""

import contextlib
import json
import signal
import socket
import struct
import sys
import threading
import time
from dataclasses import fields, replace
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .api import Api
from .call_log import Call
from .directory import Directory, build_directory
from .faults import EFFECTS, Fault
from .options import DEFAULT_API_KEY, SandboxOptions, described_options
from .replies import Reply

# Only this machine may call: the call log holds what was sent, and any caller can change the options.
HOST = "127.0.0.1"
_OWN_NAMES = (HOST, "localhost")
_LARGEST_BODY_BYTES = 4 * 2**20
_STOP_SECONDS = 0.8


class Sandbox(Api):
    """Clodura's API as far as it is known, on a loopback port. Use it in a `with`, or call `start` and `stop`.

    `options` and `call_log` work before it starts and after it has stopped, too.
    """

    def __init__(
        self, options: SandboxOptions | None = None, port: int = 0, directory: Directory | None = None
    ) -> None:
        super().__init__(directory or build_directory(), options or SandboxOptions())
        self._port = port
        self._server: _Server | None = None

    @property
    def base_url(self) -> str:
        """Where it listens, like http://127.0.0.1:8900."""
        if self._server is None:
            raise RuntimeError("the sandbox has not been started")
        return f"http://{HOST}:{self._server.server_address[1]}"

    def start(self) -> "Sandbox":
        """Listen from now on. OSError when the port is taken."""
        try:
            self._server = _Server(self._port, self)
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on {HOST}:{self._port}: {error.strerror}") from error
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop within a second, whatever its connections are waiting for."""
        if self._server is not None:
            self._server.stop()
            self.wait_until_idle(_STOP_SECONDS)

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()


def run_sandbox(port: int, options: SandboxOptions | None = None) -> None:
    """Serve until SIGINT or SIGTERM; print one line once it listens. Call it from the main thread."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Sandbox(options, port) as sandbox:
        key = f"key: {DEFAULT_API_KEY}" if sandbox.options.api_key == DEFAULT_API_KEY else "key: the one you set"
        print(f"Clodura sandbox at {sandbox.base_url} ({key}; help: /_sandbox/help; Ctrl-C ends it)", flush=True)
        ended.wait()


class _Server(ThreadingHTTPServer):
    block_on_close = False
    request_queue_size = 512

    def __init__(self, port: int, api: Api) -> None:
        self.api = api
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        super().__init__((HOST, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  (socketserver's names)
        """Called with the exception of a connection's thread: that a client has gone is no error."""
        if not isinstance(sys.exception(), OSError):
            raise

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # of a request that cannot be read: else the error had no status line
    disable_nagle_algorithm = True
    arrived: tuple[float, float]

    def parse_request(self) -> bool:
        # Taken before anything is parsed: limits apply to the time of arrival.
        self.arrived = time.time(), time.monotonic()
        return super().parse_request()

    def do_GET(self) -> None:
        body = self._read_body()
        if body is None:
            self.close_connection = True
        elif refusal := self._refusal():
            self._write(Reply(403, {"error": refusal}))
        elif self.path.startswith("/_sandbox/"):
            self._write(_answer_control(self.command, self.path, body, self.server.api))
        else:
            self._answer(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are in the call log, not on the console."""

    def _read_body(self) -> bytes | None:
        """The body; None when the request cannot be served or its client has gone."""
        length = self.headers.get("Content-Length", "0")
        if self.headers.defects or "Transfer-Encoding" in self.headers:
            self.send_error(400, "a header that cannot be read, or a chunked body: send Content-Length")
        elif not length.isdecimal() or int(length) > _LARGEST_BODY_BYTES:
            self.send_error(400, "a Content-Length that cannot be served")
        else:
            body = self.rfile.read(int(length))
            return body if len(body) == int(length) else None
        return None

    def _refusal(self) -> str | None:
        """Why a request of another site is refused: a web page could else read the call log through a browser."""
        host, origin = self.headers.get("Host"), self.headers.get("Origin")
        if host is not None and host.rpartition(":")[0] not in _OWN_NAMES and host not in _OWN_NAMES:
            return "the Host header names another host"
        own = [f"{name}:{self.server.server_address[1]}" for name in _OWN_NAMES]
        if origin is not None and urlsplit(origin).netloc not in own:
            return "the Origin header names another site"
        return None

    def _answer(self, body: bytes) -> None:
        api, stopping = self.server.api, self.server.stopping
        late, takes = api.draw_delays()
        if late:
            stopping.wait(late)
            self.arrived = time.time(), time.monotonic()
        call = Call(*self.arrived, self.command, self.path.partition("?")[0], self.headers.get("User-Agent"))
        number, reply = api.decide(call, self.headers, body)
        finished_at: float | None = None
        try:
            left = call.arrived_monotonic + takes - time.monotonic()
            if not (left > 0 and stopping.wait(left)) and self._write(reply):
                finished_at = time.time()
        finally:
            self.close_connection = self.close_connection or finished_at is None
            api.end(number, finished_at)

    def _write(self, reply: Reply) -> bool:
        """Write a reply the way it is to be delivered; True when all of it was written."""
        options, stopping, sock = self.server.api.options, self.server.stopping, self.connection
        body = reply.body()
        head = self._head(reply, len(body))
        match reply.delivery:
            case "whole" | "twice" as delivery:
                sock.sendall((head + body) * (2 if delivery == "twice" else 1))
            case "drip_body" | "drip_all" as delivery:
                at_once = head if delivery == "drip_body" else b""
                sock.sendall(at_once)
                for byte in (head + body)[len(at_once) :]:
                    sock.sendall(bytes([byte]))
                    if stopping.wait(options.drip_interval_seconds):
                        return False
            case "stall":
                # A client that gives up closes the connection; one that sends more goes on waiting.
                sock.settimeout(options.stall_seconds)
                with contextlib.suppress(TimeoutError):
                    while sock.recv(65536):
                        pass
                return False
            case "cut" | "reset_midway" | "reset" as delivery:
                sock.sendall(b"" if delivery == "reset" else head + body[: len(body) // 2])
                if delivery != "cut":
                    # A reset overtakes bytes that the client has not read yet: give it time to read them. Closing with
                    # a linger of zero seconds sends it in place of an orderly end.
                    stopping.wait(0.02)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    sock.close()
                return False
        return True

    def _head(self, reply: Reply, content_length: int) -> bytes:
        headers = {
            "Server": "clodura-sandbox",
            "Date": formatdate(self.server.api.server_time(), usegmt=True),
            "Content-Type": reply.content_type,
            "Content-Length": content_length,
            "Connection": "close" if self.close_connection else "keep-alive",
            **reply.headers,
        }
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _answer_control(method: str, target: str, body: bytes, api: Api) -> Reply:
    """Answer a request to one of the sandbox's own paths; such requests are free and not in the call log."""
    path, _, query = target.partition("?")
    match method, path:
        case "GET", "/_sandbox/books":
            after = parse_qs(query).get("after", ["0"])[0]
            if not after.isdecimal():
                return Reply(400, {"error": "after must be the number of a call"})
            log = api.call_log
            return Reply(200, replace(log, calls=log.calls[int(after) :]).as_json())
        case "GET" | "POST", "/_sandbox/options":
            try:
                if method == "POST":
                    api.options = api.options.patched(json.loads(body))
            except ValueError as error:
                return Reply(400, {"error": str(error)})
            return Reply(200, api.options.as_json())
        case "GET", "/_sandbox/help":
            lines = [f"  {name:<28} {says}" for name, says in described_options().items()]
            lines.append(f"\nA fault has {', '.join(each.name for each in fields(Fault))}. Kinds:")
            lines += [f"  {kind:<28} {effect.says}" for kind, effect in EFFECTS.items()]
            text = Path(__file__).with_name("help.txt").read_text(encoding="utf-8") + "\n".join(lines) + "\n"
            return Reply(200, text, "text/plain; charset=utf-8")
    return Reply(404, {"error": "there are /_sandbox/books, /_sandbox/options and /_sandbox/help"})
