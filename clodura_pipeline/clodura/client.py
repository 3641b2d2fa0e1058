"""Makes single HTTP calls to Clodura: no retries, no redirects, a deadline for the whole call, bounded answers."""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from urllib.parse import urlsplit

import requests
import urllib3.exceptions as transport
from requests.auth import AuthBase

from clodura_pipeline.clodura.deadline import Call, Watch, WatchedAdapter
from clodura_pipeline.clodura.errors import AnswerLost, CallFailed, NotSent, Trouble
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer

ENRICH_PATH = "/api/v1/cleanup/enrich"
CREDITS_PATH = "/api/v1/credits"
LARGEST_ANSWER_BYTES = 1_000_000
"""An enriched contact takes a few kB. What is larger is not read to its end and not understood."""

CONNECT_TIMEOUT_SECONDS = 10.0
_HOW_IT_LOOKS = "CLODURA_BASE_URL must look like https://api.clodura.ai"
_NOT_IN_AN_ADDRESS = re.compile(r"[^!-~]|[\\<>\"'{}|^`]")
"""Parsers of addresses differ over these: what one takes for this machine, another may take for somebody else's."""


class UnsafeAddress(ValueError):
    """The base URL would send the key in the clear, or is no URL."""


@dataclass(frozen=True, repr=False)
class ClientSettings:
    """How to reach Clodura. `repr` is left out: it holds the key. `timeout_seconds` bounds a whole call."""

    base_url: str
    api_key: str
    timeout_seconds: float
    pool_size: int


class CloduraClient:
    """One call at a time per thread; threads share a connection pool. Close it when done."""

    def __init__(self, settings: ClientSettings) -> None:
        """
        Raises:
            UnsafeAddress: `base_url` is no http(s) URL, or plain http to anything but this machine.
        """
        self._base_url = checked_base_url(settings.base_url)
        self._timeout_seconds = settings.timeout_seconds
        self._watch = Watch()
        self._session = _OneRequestSession()
        # A proxy from the environment must not get between this machine and a stand-in that runs on it.
        self._session.trust_env = not is_loopback(self._base_url)
        self._session.auth = _NoOtherCredentials()
        self._session.headers.update(
            {"X-API-KEY": settings.api_key, "User-Agent": _user_agent(), "Accept": "application/json"}
        )
        adapter = WatchedAdapter(settings.pool_size)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Close all connections."""
        self._watch.close()
        self._session.close()

    def enrich(self, identifiers: Identifiers, before_send: Callable[[], None] = lambda: None) -> RawAnswer:
        """Ask about one contact: `POST /api/v1/cleanup/enrich`.

        Args:
            before_send: called on the open connection right before the first byte leaves.

        Raises:
            NotSent: the request never left.
            AnswerLost: it was sent and no whole answer came within the timeout.
        """
        return self._call("POST", ENRICH_PATH, identifiers.as_json().encode(), before_send)

    def credits(self, before_send: Callable[[], None] = lambda: None) -> RawAnswer:
        """Ask for the balance: `GET /api/v1/credits`. Free. Raises as `enrich` does."""
        return self._call("GET", CREDITS_PATH, None, before_send)

    def _call(self, method: str, path: str, body: bytes | None, before_send: Callable[[], None]) -> RawAnswer:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        with self._watch.call(self._timeout_seconds, before_send) as call:
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
    except ValueError:  # unbalanced brackets, a port that is no number; its text would repeat what may be a password
        raise UnsafeAddress(_HOW_IT_LOOKS) from None
    if not usable or _NOT_IN_AN_ADDRESS.search(url):
        raise UnsafeAddress(_HOW_IT_LOOKS)
    if any(sign in url for sign in "@?#"):
        raise UnsafeAddress("CLODURA_BASE_URL must hold no user, query or fragment")
    if parts.scheme == "http" and not is_loopback(url):
        raise UnsafeAddress("CLODURA_BASE_URL must start with https:// (plain http only for this machine's loopback)")
    return url.rstrip("/")


def is_loopback(base_url: str) -> bool:
    """Whether the URL's host is this machine's loopback interface."""
    try:
        host = urlsplit(base_url.strip()).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class _OneRequestSession(requests.Session):
    """A session that never looks at where a redirect points.

    Even with `allow_redirects=False`, `requests` would read all of a redirect's body to prepare the next request.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002  (the name is requests')
        return None


class _NoOtherCredentials(AuthBase):
    """Keeps `requests` from adding credentials of its own from a .netrc file."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _read(response: requests.Response, call: Call, arrived_at: float) -> RawAnswer:
    """
    Raises:
        AnswerLost: the connection ended where only its end could show that the answer was whole, and it was not; or
            what came is no final answer.
    """
    with response:
        if response.status_code < HTTPStatus.OK:
            # http.client passes over 100 alone. Unread, the connection is closed: the final answer that is still to
            # come on it must not be taken for the next request's.
            raise AnswerLost(Trouble.NOT_FINAL)
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(16_384):
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_ANSWER_BYTES:
                break
    body = b"".join(chunks)[:LARGEST_ANSWER_BYTES]
    if _may_be_cut(response, body):
        raise AnswerLost(Trouble.TIMEOUT if call.late else Trouble.CUT_SHORT)
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
    """Whether an answer whose length nobody stated breaks off: in its headers, which shows as no body, or in its JSON.

    Only where the body decides what the call came to; every other status says enough by itself.
    """
    stated = "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if stated or response.status_code not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        return False
    text = body.strip()
    return not text or (text[:1] in (b"{", b"[") and not text.endswith((b"}", b"]")))


def _failure(call: Call, error: Exception) -> CallFailed:
    causes = _causes(error)
    if not call.sent:
        return NotSent(_connect_trouble(call, causes))
    if call.late or any(isinstance(cause, TimeoutError | transport.ReadTimeoutError) for cause in causes):
        return AnswerLost(Trouble.TIMEOUT)
    if any(isinstance(cause, transport.IncompleteRead | transport.DecodeError) for cause in causes):
        return AnswerLost(Trouble.CUT_SHORT)
    return AnswerLost(Trouble.RESET)


def _connect_trouble(call: Call, causes: list[BaseException]) -> Trouble:
    kinds = (
        (transport.NameResolutionError, Trouble.NAME_NOT_FOUND),
        (socket.gaierror, Trouble.NAME_NOT_FOUND),
        (transport.SSLError, Trouble.TLS_FAILED),
        (requests.exceptions.SSLError, Trouble.TLS_FAILED),
        (transport.NewConnectionError, Trouble.CONNECTION_REFUSED),  # to urllib3 a kind of the next one
        (transport.ConnectTimeoutError, Trouble.CONNECT_TIMEOUT),
    )
    for kind, trouble in kinds:
        if any(isinstance(cause, kind) for cause in causes):
            return trouble
    return Trouble.CONNECT_TIMEOUT if call.late else Trouble.CONNECTION_REFUSED


def _causes(error: BaseException) -> list[BaseException]:
    """The error and all it wraps: urllib3 nests the real reason in `reason` and in `args`."""
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        item = queue.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            queue += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found


def _user_agent() -> str:
    # The CDN in front of Clodura was seen to answer clients without an explicit agent with 403.
    try:
        return f"clodura-pipeline/{version('clodura-pipeline')}"
    except PackageNotFoundError:
        return "clodura-pipeline"
