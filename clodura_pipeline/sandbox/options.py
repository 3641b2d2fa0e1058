"""Options of the sandbox: everything a test or a person can switch, while it runs or before."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from .faults import Fault

CreditsShape = Literal["pool", "views", "missing"]
Envelope = Literal["object", "data_object", "data_list", "unknown"]
MissStyle = Literal["empty_object", "empty_data", "null_data", "nulls", "not_found", "mixed"]
RetryAfter = Literal["seconds", "date", "junk"]
FieldStyle = Literal["string", "list", "mixed"]

DEFAULT_API_KEY = "sandbox-key"


def _says(text: str) -> dict[str, str]:
    return {"says": text}


@dataclass(frozen=True)
class SandboxOptions:
    """What the sandbox does; each field says itself what it means, and `GET /_sandbox/help` prints that."""

    api_key: str = field(
        default=DEFAULT_API_KEY, repr=False, metadata=_says("the one key that is accepted; any other gets 401")
    )
    paid_plan: bool = field(default=True, metadata=_says("false: every call gets 403"))
    starting_balance: int = field(
        default=10_000,
        metadata=_says(
            "credits at the start; changed while running, the balance moves with it: a top-up, or another spender"
        ),
    )
    credits_shape: CreditsShape = field(
        default="pool", metadata=_says("what GET /credits answers: one pool, counts of views, or 404 (missing)")
    )
    envelope: Envelope = field(
        default="object",
        metadata=_says(
            "where the contact stands in an answer: at the top, under data, in a list under data, in no known place"
        ),
    )
    miss_style: MissStyle = field(
        default="empty_object",
        metadata=_says(
            "how a miss is said: {}, empty data, data null, every key null, a JSON 404, or any of these, by contact"
        ),
    )
    credit_usage_field: str | None = field(
        default=None,
        metadata=_says("name under which an answer states its cost, dots nest ('creditUsage.used'); null: not stated"),
    )
    department_seniority_style: FieldStyle = field(
        default="list", metadata=_says("whether functional and seniority are strings, lists, or either (by contact)")
    )
    requests_per_second: int = field(default=0, metadata=_says("more in any sliding second gets 429; 0: no limit"))
    requests_per_minute: int = field(default=0, metadata=_says("more in any sliding minute gets 429; 0: no limit"))
    requests_per_day: int = field(default=0, metadata=_says("more in a UTC day gets 409; 0: no limit"))
    retry_after: RetryAfter | None = field(
        default="seconds",
        metadata=_says("what Retry-After holds on a 429: seconds, a date, junk, or null for no header"),
    )
    retry_after_seconds: int | None = field(
        default=None, metadata=_says("how long Retry-After asks to wait; null: until the limit has room again")
    )
    latency_seconds: float = field(default=0.0, metadata=_says("from the arrival of a request to its answer"))
    latency_jitter_seconds: float = field(
        default=0.0, metadata=_says("up to this is added to the latency, evenly spread")
    )
    arrival_jitter_seconds: float = field(
        default=0.0, metadata=_says("requests count as arrived up to this later than they came: an uneven network")
    )
    date_offset_seconds: float = field(
        default=0.0, metadata=_says("how far the server's clock is ahead: its Date header and the UTC day of its limit")
    )
    stall_seconds: float = field(
        default=60.0, metadata=_says("how long a stalled call is held when the client does not give up")
    )
    drip_interval_seconds: float = field(default=0.05, metadata=_says("pause between the bytes of a dripping answer"))
    huge_body_bytes: int = field(default=16 * 2**20, metadata=_says("how much padding a huge_body answer carries"))
    seed: int = field(
        default=2026, metadata=_says("which calls get the faults that have a share below 1, and the jitter")
    )
    faults: tuple[Fault, ...] = field(
        default=(), metadata=_says("what goes wrong, and when; setting other faults starts their counting anew")
    )

    def __post_init__(self) -> None:
        _check_choice("credits_shape", self.credits_shape, get_args(CreditsShape))
        _check_choice("envelope", self.envelope, get_args(Envelope))
        _check_choice("miss_style", self.miss_style, get_args(MissStyle))
        _check_choice("retry_after", self.retry_after, (*get_args(RetryAfter), None))
        _check_choice("department_seniority_style", self.department_seniority_style, get_args(FieldStyle))
        _check_choice("paid_plan", self.paid_plan, (True, False))
        for name in (*_WHOLE, *_ANY_NUMBER):
            _check_number(name, getattr(self, name))

    def patched(self, changes: Mapping[str, Any]) -> "SandboxOptions":
        """These options with some fields replaced by JSON values; ValueError or TypeError says what is wrong."""
        known = {option.name for option in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise ValueError(f"no such option: {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
        values = dict(changes)
        if "faults" in values:
            values["faults"] = tuple(Fault.from_json(fault) for fault in values["faults"])
        return replace(self, **values)

    def as_json(self) -> dict[str, Any]:
        """The options as they are shown to anybody on this machine: without the key."""
        shown = asdict(self)
        del shown["api_key"]
        return shown


_WHOLE = (
    "starting_balance",
    "requests_per_second",
    "requests_per_minute",
    "requests_per_day",
    "retry_after_seconds",
    "huge_body_bytes",
    "seed",
)
_ANY_NUMBER = (
    "latency_seconds",
    "latency_jitter_seconds",
    "arrival_jitter_seconds",
    "date_offset_seconds",
    "stall_seconds",
    "drip_interval_seconds",
)
_MAY_BE_NEGATIVE = ("starting_balance", "date_offset_seconds")
_MAY_BE_ABSENT = ("retry_after_seconds",)


def _check_number(name: str, value: Any) -> None:
    if value is None and name in _MAY_BE_ABSENT:
        return
    kinds = (int, float) if name in _ANY_NUMBER else (int,)
    # To Python, true is a number.
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"{name} must be a {'whole ' if name in _WHOLE else ''}number, not {value!r}")
    if value < 0 and name not in _MAY_BE_NEGATIVE:
        raise ValueError(f"{name} must not be negative, as {value} is")


def _check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, not {value!r}")
