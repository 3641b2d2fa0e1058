"""Makes single HTTP calls to Clodura: no retries, no redirects, a deadline for the whole call, bounded answers."""

import logging
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from importlib.metadata import version
from ipaddress import ip_address
from urllib.parse import urlsplit

from clodura_pipeline.clodura.connection import Connections, read_until
from clodura_pipeline.clodura.errors import AnswerLost, FailureReason, NotSent
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer
from clodura_pipeline.errors import UserFixableError

_log = logging.getLogger(__name__)
ENRICH_PATH = "/api/v1/cleanup/enrich"
CREDITS_PATH = "/api/v1/credits"
LARGEST_ANSWER_BYTES = 1_000_000
"""An enriched contact takes a few kB. The rest of a larger answer is not read."""
_EXPECTED = "CLODURA_BASE_URL cannot be used. No credits were spent. Set it to an address like https://api.clodura.ai."
_UNSAFE_CHARACTERS = re.compile(r"[^!-~]|[\\<>\"'{}|^`]")
"""URL parsers disagree about these: what one reads as this machine, another may read as a different host."""


class UnsafeAddress(UserFixableError):
    """The base URL would send the key in the clear, or is not a URL."""


@dataclass(frozen=True, repr=False)
class ClientSettings:
    """How to reach Clodura. No `repr`, because it would show the key. `timeout_seconds` bounds a whole call."""

    base_url: str
    api_key: str
    timeout_seconds: float


class CloduraClient:
    """One call at a time per thread; threads share connections. Close it when done."""

    def __init__(self, settings: ClientSettings) -> None:
        """
        Raises:
            UnsafeAddress: `base_url` is not an http(s) URL, or plain http to anything but this machine.
        """
        base_url = checked_base_url(settings.base_url)
        self._base_path = urlsplit(base_url).path
        self._timeout_seconds = settings.timeout_seconds
        self._connections = Connections(base_url, settings.timeout_seconds)
        self._headers = {
            "X-API-KEY": settings.api_key,
            # One user saw the CDN in front of Clodura answer 403 to clients without an explicit agent.
            "User-Agent": f"clodura-pipeline/{version('clodura-pipeline')}",
            "Accept": "application/json",
        }

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def enrich(self, identifiers: Identifiers, before_send: Callable[[], None] = lambda: None) -> RawAnswer:
        """Send one contact to `POST /api/v1/cleanup/enrich` and return the answer.

        Args:
            before_send: called on the open connection right before the first byte leaves.

        Raises:
            NotSent: the request did not leave.
            AnswerLost: it was sent and no whole answer came within the timeout.
        """
        return self._call("POST", ENRICH_PATH, identifiers.as_json().encode(), before_send)

    def credits(self, before_send: Callable[[], None] = lambda: None) -> RawAnswer:
        """Get the balance from `GET /api/v1/credits`, which is free. Raises the same errors as `enrich`."""
        return self._call("GET", CREDITS_PATH, None, before_send)

    def _call(self, method: str, path: str, body: bytes | None, before_send: Callable[[], None]) -> RawAnswer:
        ends_at = time.monotonic() + self._timeout_seconds
        sent, connection = False, None
        try:
            connection = self._connections.take()
            connection.putrequest(method, self._base_path + path)
            for name, value in self._headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Type", "application/json")
                connection.putheader("Content-Length", str(len(body)))
            before_send()
            read_until(ends_at, connection)
            sent = True
            connection.endheaders(body)
            response = connection.getresponse()
            _log.debug("%s %s: HTTP %s", method, path, response.status)
            answer = _read(response, time.monotonic())
        except (OSError, HTTPException, ValueError, zlib.error) as error:
            # From None: errors of the transport may carry what was sent.
            raise (_lost(error) if sent else _not_sent(error)) from None
        else:
            if response.isclosed() and connection.sock is not None:
                self._connections.give_back(connection)
                connection = None
            return answer
        finally:
            if connection is not None:
                connection.close()


def checked_base_url(base_url: str) -> str:
    """The base URL without a closing slash; raises `UnsafeAddress` when the key would travel in the clear."""
    url = base_url.strip()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # unbalanced brackets or a bad port; the error's own text may repeat a password
        raise UnsafeAddress(_EXPECTED) from None
    if not usable or _UNSAFE_CHARACTERS.search(url):
        raise UnsafeAddress(_EXPECTED)
    if any(sign in url for sign in "@?#"):
        raise UnsafeAddress(
            "CLODURA_BASE_URL must not contain a user, a query or a fragment. No credits were spent. Remove that part."
        )
    if parts.scheme == "http" and not is_loopback(url):
        raise UnsafeAddress(
            "CLODURA_BASE_URL must start with https://. No credits were spent. Plain http is accepted for this machine "
            "only (127.0.0.1, localhost), because it would show the API key to the network."
        )
    return url.rstrip("/")


def is_loopback(base_url: str) -> bool:
    """Whether the URL's host is this machine's loopback interface."""
    try:
        host = urlsplit(base_url.strip()).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _read(response: HTTPResponse, arrived_at: float) -> RawAnswer:
    """Read a whole answer, up to `LARGEST_ANSWER_BYTES`.

    Raises:
        AnswerLost: the answer is cut short, or is not the final one.
    """
    if response.status < HTTPStatus.OK:
        # http.client skips status 100 only. The final answer, which is still to come on this connection, must not be
        # taken for the next request's: it is closed.
        raise AnswerLost(FailureReason.NOT_FINAL)
    with response:
        body = response.read(LARGEST_ANSWER_BYTES + 1)
    if response.length and len(body) <= LARGEST_ANSWER_BYTES:
        raise IncompleteRead(body, response.length)
    if body and response.getheader("Content-Encoding", "") in ("gzip", "x-gzip", "deflate"):
        body = _unpacked(body)
    is_of_known_length = response.chunked or response.getheader("Content-Length") is not None
    if not is_of_known_length and _may_be_cut(response.status, body):
        raise AnswerLost(FailureReason.CUT_SHORT)
    return RawAnswer(
        status=response.status,
        body=body[:LARGEST_ANSWER_BYTES],
        truncated=len(body) > LARGEST_ANSWER_BYTES,
        content_type=response.getheader("Content-Type", ""),
        retry_after=response.getheader("Retry-After"),
        date=response.getheader("Date"),
        arrived_at=arrived_at,
    )


def _unpacked(body: bytes) -> bytes:
    """A packed body, although none was asked for; no more of it than is kept."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS + 32)  # gzip or zlib, as its first bytes say
    unpacked = unpacker.decompress(body, LARGEST_ANSWER_BYTES + 1)
    if not unpacker.eof and len(unpacked) <= LARGEST_ANSWER_BYTES:
        raise IncompleteRead(unpacked)
    return unpacked


def _may_be_cut(status: int, body: bytes) -> bool:
    """Whether an answer without a stated length ends too early: no body at all, or JSON that is not closed.

    Only for statuses whose body decides the outcome of the call.
    """
    if status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        return False
    text = body.strip()
    return not text or (text[:1] in (b"{", b"[") and not text.endswith((b"}", b"]")))


def _lost(error: Exception) -> AnswerLost:
    if isinstance(error, TimeoutError):
        return AnswerLost(FailureReason.TIMEOUT)
    is_cut = isinstance(error, IncompleteRead | zlib.error)
    return AnswerLost(FailureReason.CUT_SHORT if is_cut else FailureReason.RESET)


def _not_sent(error: Exception) -> NotSent:
    reasons = {
        socket.gaierror: FailureReason.NAME_NOT_FOUND,
        TimeoutError: FailureReason.CONNECT_TIMEOUT,
        ssl.SSLError: FailureReason.TLS_FAILED,
    }
    found = (reason for kind, reason in reasons.items() if isinstance(error, kind))
    return NotSent(next(found, FailureReason.CONNECTION_REFUSED))
