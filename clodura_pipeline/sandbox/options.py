"""Options of the sandbox: everything a test or a person can switch, before it starts or while it runs."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from .faults import Credits, Fault

Envelope = Literal[
    "object", "data_object", "data_list", "side_by_side", "data_side_by_side", "contact", "contacts", "result",
    "people", "list", "enriched_contact", "unknown",
]  # fmt: skip
NameStyle = Literal["documented", "us_spelling", "flat", "snake_case", "job_title", "bare", "full_name"]
MissStyle = Literal["empty_object", "empty_data", "null_data", "nulls", "not_found", "mixed"]
Count = Annotated[int, Field(strict=True, ge=0)]
Seconds = Annotated[float, Field(strict=True, ge=0)]

DEFAULT_API_KEY = "sandbox-key"


def _option(default: Any, says: str, **more: Any) -> Any:
    return Field(default=default, description=says, **more)


@dataclass(frozen=True, config=ConfigDict(extra="forbid", hide_input_in_errors=True))
class SandboxOptions:
    """What the sandbox does; `GET /_sandbox/help` prints the descriptions."""

    api_key: str = _option(DEFAULT_API_KEY, "the one key that is accepted; any other gets 401", repr=False)
    paid_plan: bool = _option(True, "false: every call gets 403", strict=True)
    starting_balance: Credits = _option(
        10_000, "credits at the start; changed while running, the balance moves with it: a top-up, or another spender"
    )
    other_use_per_call: Credits = _option(
        0, "credits that another use of the key takes with every call: 0.04 is what verifying an address costs"
    )
    credits_shape: Literal["pool", "views", "missing"] = _option(
        "pool", "what GET /credits answers: one pool, counts of views, or 404"
    )
    envelope: Envelope = _option(
        "object",
        "where the contact stands in an answer: at the top, under this name, in a list, beside its organisation, or "
        "in a shape that is described nowhere",
    )
    name_style: NameStyle = _option(
        "documented",
        "how fields are named: as documented, organization, organisation's fields beside the person's, snake case, "
        "jobTitle, title and city without person, or fullName and position",
    )
    field_names: Mapping[str, str] = _option(
        {}, "other names for single fields, dots nest: {'personTitle': 'who.position', 'organisation.domain': 'web'}"
    )
    miss_style: MissStyle = _option(
        "empty_object", "how a miss is said: {}, empty data, data null, every key null, a JSON 404, any by contact"
    )
    credit_usage_field: str | None = _option(
        None, "name under which an answer states its cost, dots nest ('creditUsage.used'); null: not stated"
    )
    department_seniority_style: Literal["string", "list", "mixed"] = _option(
        "list", "whether functional and seniority are strings, lists, or either (by contact)"
    )
    requests_per_second: Count = _option(0, "more in any sliding second gets 429; 0: no limit")
    requests_per_minute: Count = _option(0, "more in any sliding minute gets 429; 0: no limit")
    requests_per_day: Count = _option(0, "more in a UTC day gets 409; 0: no limit")
    retry_after: Literal["seconds", "date", "junk"] | None = _option(
        "seconds", "what Retry-After holds on a 429: seconds, a date, junk, or null for no header"
    )
    retry_after_seconds: Count | None = _option(None, "how long Retry-After asks to wait; null: until there is room")
    latency_seconds: Seconds = _option(0.0, "from the arrival of a request to its answer")
    latency_jitter_seconds: Seconds = _option(0.0, "up to this is added to the latency, evenly spread")
    arrival_jitter_seconds: Seconds = _option(
        0.0, "requests count as arrived up to this later than they came: an uneven network"
    )
    date_offset_seconds: Annotated[float, Field(strict=True)] = _option(
        0.0, "how far the server's clock is ahead: its Date header and the UTC day of its limit"
    )
    stall_seconds: Seconds = _option(60.0, "how long a stalled call is held when the client does not give up")
    drip_interval_seconds: Seconds = _option(0.05, "pause between the bytes of a dripping answer")
    huge_body_bytes: Count = _option(16 * 2**20, "how much padding a huge_body answer carries")
    seed: Count = _option(2026, "which calls get the faults that have a share below 1, and the jitter")
    faults: tuple[Fault, ...] = _option((), "what goes wrong, and when; setting other faults restarts their counting")

    def patched(self, changes: Any) -> "SandboxOptions":
        """These options with some fields replaced by JSON values; ValueError says what is wrong."""
        values: dict[str, Any] = {option.name: getattr(self, option.name) for option in fields(self)}
        values |= changes if isinstance(changes, Mapping) else {"changes": changes}
        if isinstance(faults := values["faults"], list | tuple):
            values["faults"] = [{"kind": fault} if isinstance(fault, str) else fault for fault in faults]
        try:
            return _ADAPTER.validate_python(values)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise ValueError(f"{wrong}; there are: {', '.join(option.name for option in fields(self))}") from None

    def as_json(self) -> dict[str, Any]:
        """The options as they are shown to any program on this machine: without the key."""
        return json.loads(_ADAPTER.dump_json(self, exclude={"api_key"}))


_ADAPTER = TypeAdapter(SandboxOptions)


def described_options() -> dict[str, str]:
    """What each option means, by its name."""
    schema = _ADAPTER.json_schema()
    return {name: described["description"] for name, described in schema["properties"].items()}
