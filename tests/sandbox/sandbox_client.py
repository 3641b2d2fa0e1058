"""A client for the tests of the sandbox: plain `http.client`, so that nothing is retried or smoothed over."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from clodura_pipeline.sandbox import DEFAULT_API_KEY, ENRICH_PATH, Person, Sandbox, build_directory


@dataclass(frozen=True)
class Got:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def connect(sandbox: Sandbox, timeout: float = 5.0) -> http.client.HTTPConnection:
    """A connection that stays open."""
    url = urlsplit(sandbox.base_url)
    return http.client.HTTPConnection(url.hostname or "", url.port, timeout=timeout)


def connect_raw(sandbox: Sandbox, timeout: float = 5.0) -> socket.socket:
    """A bare socket to the sandbox."""
    url = urlsplit(sandbox.base_url)
    return socket.create_connection((url.hostname, url.port), timeout=timeout)


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Got:
    """Sends a request on an open connection; a body that is not bytes goes out as JSON."""
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"X-API-KEY": DEFAULT_API_KEY, "Content-Type": "application/json", **(headers or {})}
    connection.request(method, path, content, sent)
    answer = connection.getresponse()
    return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def request(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    timeout: float = 5.0,
) -> Got:
    """Sends one request on a connection of its own."""
    connection = connect(sandbox, timeout)
    try:
        return send(connection, method, path, body, headers)
    finally:
        connection.close()


def enrich(sandbox: Sandbox, body: Any, headers: dict[str, str] | None = None, timeout: float = 5.0) -> Got:
    """Enriches one contact."""
    return request(sandbox, "POST", ENRICH_PATH, body, headers, timeout)


def people(found: str) -> list[Person]:
    """The people of the directory whose lookup comes to this: person, organisation or miss."""
    return [person for person in build_directory() if person.answer == found]


def by_profile(person: Person) -> dict[str, str]:
    """A request for a person by their profile."""
    return {"linkedinUrl": person.linkedin_url}


PERSON, COMPANY_ONLY, MISS = (by_profile(people(found)[0]) for found in ("person", "organisation", "miss"))
