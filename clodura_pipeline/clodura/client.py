"""Makes single HTTP calls to Clodura: no retries, no redirects, a deadline for the whole call, bounded answers."""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import ip_address
from urllib.parse import urlsplit

import requests
import urllib3.exceptions as transport

from clodura_pipeline.clodura.deadline import Call, ReportingAdapter
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer
from clodura_pipeline.errors import AnswerLost, CallFailed, FailureReason, NotSent, UserFixableError

ENRICH_PATH = "/api/v1/cleanup/enrich"
CREDITS_PATH = "/api/v1/credits"
LARGEST_ANSWER_BYTES = 1_000_000
"""An enriched contact takes a few kB. The rest of a larger answer is not read."""

CONNECT_TIMEOUT_SECONDS = 10.0
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
    pool_size: int


class CloduraClient:
    """One call at a time per thread; threads share a connection pool. Close it when done."""

    def __init__(self, settings: ClientSettings) -> None:
        """
        Raises:
            UnsafeAddress: `base_url` is not an http(s) URL, or plain http to anything but this machine.
        """
        self._base_url = checked_base_url(settings.base_url)
        self._timeout_seconds = settings.timeout_seconds
        self._session = _OneRequestSession()
        # Calls to a server on this machine do not go through a proxy that the environment names.
        self._session.trust_env = not is_loopback(self._base_url)
        self._session.auth = lambda request: request  # else `requests` adds credentials of its own from .netrc
        # One user saw the CDN in front of Clodura answer 403 to clients without an explicit agent.
        agent = f"clodura-pipeline/{version('clodura-pipeline')}"
        self._session.headers.update({"X-API-KEY": settings.api_key, "User-Agent": agent, "Accept": "application/json"})
        adapter = ReportingAdapter(settings.pool_size)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

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
        headers = {"Content-Type": "application/json"} if body is not None else {}
        with Call(self._timeout_seconds, before_send) as call:
            try:
                response = self._session.request(
                    method,
                    self._base_url + path,
                    data=body,
                    headers=headers,
                    timeout=(min(CONNECT_TIMEOUT_SECONDS, self._timeout_seconds), self._timeout_seconds),
                    allow_redirects=False,
                    stream=True,
                )
                return _read(response, call, time.monotonic())
            except (requests.RequestException, transport.HTTPError, OSError, ValueError) as error:
                # From None: transport errors carry URLs and, behind a proxy, credentials.
                raise _failure(call, error) from None


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


class _OneRequestSession(requests.Session):
    """A session that ignores where a redirect points.

    Even with `allow_redirects=False`, `requests` would read all of a redirect's body to prepare the next request.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002  (the name is requests')
        return None


def _read(response: requests.Response, call: Call, arrived_at: float) -> RawAnswer:
    """Read a whole answer, up to `LARGEST_ANSWER_BYTES`.

    Raises:
        AnswerLost: the answer is cut short, or is not the final one.
    """
    with response:
        if response.status_code < HTTPStatus.OK:
            # http.client skips status 100 only. Leaving the body unread closes the connection, so that the final
            # answer, which is still to come on it, is not taken for the next request's.
            raise AnswerLost(FailureReason.NOT_FINAL)
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(16_384):
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_ANSWER_BYTES:
                break
    body = b"".join(chunks)[:LARGEST_ANSWER_BYTES]
    if _may_be_cut(response, body):
        raise AnswerLost(FailureReason.TIMEOUT if call.late else FailureReason.CUT_SHORT)
    return RawAnswer(
        status=response.status_code,
        body=body,
        truncated=size > LARGEST_ANSWER_BYTES,
        content_type=response.headers.get("Content-Type", ""),
        retry_after=response.headers.get("Retry-After"),
        date=response.headers.get("Date"),
        arrived_at=arrived_at,
    )


def _may_be_cut(response: requests.Response, body: bytes) -> bool:
    """Whether an answer without a stated length ends too early: no body at all, or JSON that is not closed.

    Only for statuses whose body decides the outcome of the call.
    """
    stated = "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if stated or response.status_code not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        return False
    text = body.strip()
    return not text or (text[:1] in (b"{", b"[") and not text.endswith((b"}", b"]")))


def _failure(call: Call, error: Exception) -> CallFailed:
    causes = _causes(error)
    if not call.sent:
        kinds = (
            (transport.NameResolutionError, FailureReason.NAME_NOT_FOUND),
            (socket.gaierror, FailureReason.NAME_NOT_FOUND),
            (transport.SSLError, FailureReason.TLS_FAILED),
            (requests.exceptions.SSLError, FailureReason.TLS_FAILED),
            (transport.NewConnectionError, FailureReason.CONNECTION_REFUSED),  # to urllib3 a kind of the next one
            (transport.ConnectTimeoutError, FailureReason.CONNECT_TIMEOUT),
        )
        late = FailureReason.CONNECT_TIMEOUT if call.late else FailureReason.CONNECTION_REFUSED
        found = (reason for kind, reason in kinds if any(isinstance(cause, kind) for cause in causes))
        return NotSent(next(found, late))
    if call.late or any(isinstance(cause, TimeoutError | transport.ReadTimeoutError) for cause in causes):
        return AnswerLost(FailureReason.TIMEOUT)
    if any(isinstance(cause, transport.IncompleteRead | transport.DecodeError) for cause in causes):
        return AnswerLost(FailureReason.CUT_SHORT)
    return AnswerLost(FailureReason.RESET)


def _causes(error: BaseException) -> list[BaseException]:
    """The error and all errors inside it: urllib3 puts the real one into `reason` or `args`."""
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        item = queue.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            queue += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found
