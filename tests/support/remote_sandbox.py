"""A sandbox in another process: its call log and its options over HTTP."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from clodura_pipeline.sandbox import Call, CallLog


class RemoteSandbox:
    """Reads the call log and switches the options of a running sandbox, by its base URL."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        # Calls to loopback do not go through a proxy that the environment names.
        self._opener = build_opener(ProxyHandler({}))

    def call_log(self, after: int = 0) -> CallLog:
        """The call log at this moment; only the calls above a number, when given."""
        shown = json.loads(self.request(f"/_sandbox/books?after={after}"))
        return CallLog(tuple(Call(**call) for call in shown["calls"]), shown["balance"])

    def options(self) -> dict[str, Any]:
        """The options in force, without the key."""
        return json.loads(self.request("/_sandbox/options"))

    def set_options(self, **changes: Any) -> dict[str, Any]:
        """Change options by name, with values as JSON holds them; ValueError says what is wrong with them."""
        return json.loads(self.request("/_sandbox/options", changes))

    def request(self, path: str, payload: dict[str, Any] | None = None) -> bytes:
        """The body of an answer; ValueError with the message of a refusal."""
        body = None if payload is None else json.dumps(payload).encode()
        request = Request(self._base_url + path, body, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=10.0) as answer:
                return answer.read()
        except HTTPError as refused:
            with refused:
                raise ValueError(json.loads(refused.read())["error"]) from None
