"""The sandbox's own paths, for tests in other processes and for people: call log, options, help."""

import json
from dataclasses import fields, replace
from urllib.parse import parse_qs

from .api import Api
from .call_log import CREDITS_PATH, ENRICH_PATH
from .faults import EFFECTS, Fault
from .options import described_options
from .wire import Reply

PREFIX = "/_sandbox/"
CALL_LOG_PATH = f"{PREFIX}books"
OPTIONS_PATH = f"{PREFIX}options"
HELP_PATH = f"{PREFIX}help"


def answer_control(method: str, target: str, body: bytes, api: Api) -> Reply:
    """Answer a request to one of the sandbox's own paths; such requests are free and not in the call log."""
    path, _, query = target.partition("?")
    match method, path:
        case "GET", "/_sandbox/books":
            after = parse_qs(query).get("after", ["0"])[0]
            if not after.isdecimal():
                return Reply(400, {"error": "after must be the number of a call"})
            log = api.call_log
            return Reply(200, replace(log, calls=log.calls[int(after) :]).as_json())
        case "GET", "/_sandbox/options":
            return Reply(200, api.options.as_json())
        case "POST", "/_sandbox/options":
            try:
                api.options = api.options.patched(json.loads(body))
            except ValueError as error:
                return Reply(400, {"error": str(error)})
            return Reply(200, api.options.as_json())
        case "GET", "/_sandbox/help":
            return Reply(200, help_text(), "text/plain; charset=utf-8")
    return Reply(404, {"error": f"there are {CALL_LOG_PATH}, {OPTIONS_PATH} and {HELP_PATH}"})


def help_text() -> str:
    """What can be called and switched, from the options and faults themselves."""
    lines = [
        "A stand-in for Clodura's API. People, companies and balance are made up.",
        "",
        f"POST {ENRICH_PATH:<26} one contact; header X-API-KEY, JSON body",
        f"GET  {CREDITS_PATH:<26} the balance",
        f"GET  {CALL_LOG_PATH:<26} every call and what it cost (?after=N: only calls above number N)",
        f"GET  {OPTIONS_PATH:<26} the options in force",
        f'POST {OPTIONS_PATH:<26} changes some: {{"latency_seconds": 0.2, "faults": [{{"kind": "stall"}}]}}',
        "",
        "Options",
        *(f"  {name:<28} {says}" for name, says in described_options().items()),
        "",
        f"A fault has {', '.join(each.name for each in fields(Fault))}. Kinds:",
        *(f"  {kind:<28} {effect.says}" for kind, effect in EFFECTS.items()),
    ]
    return "\n".join(lines) + "\n"
