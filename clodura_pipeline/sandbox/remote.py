"""A sandbox in another process: its books and its options over HTTP."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from .books import BooksView
from .control import BOOKS_PATH, HELP_PATH, OPTIONS_PATH


class RemoteSandbox:
    """Reads the books and switches the options of a running sandbox, by its base URL."""

    def __init__(self, base_url: str, timeout: float = 10.0) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout = timeout
        # Calls to loopback do not go through a proxy that the environment names.
        self._opener = build_opener(ProxyHandler({}))

    def books(self, after: int = 0) -> BooksView:
        """The books at this moment; only the calls above a number, when given."""
        return BooksView.from_json(json.loads(self._request(f"{BOOKS_PATH}?after={after}")))

    def options(self) -> dict[str, Any]:
        """The options in force, without the key."""
        return json.loads(self._request(OPTIONS_PATH))

    def set_options(self, **changes: Any) -> dict[str, Any]:
        """Changes options by name, with values as JSON holds them; ValueError says what is wrong with them."""
        return json.loads(self._request(OPTIONS_PATH, changes))

    def help(self) -> str:
        """What can be called and switched."""
        return self._request(HELP_PATH).decode()

    def _request(self, path: str, payload: dict[str, Any] | None = None) -> bytes:
        body = None if payload is None else json.dumps(payload).encode()
        request = Request(self.base_url + path, body, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return answer.read()
        except HTTPError as refused:
            with refused:
                raise ValueError(json.loads(refused.read())["error"]) from None
