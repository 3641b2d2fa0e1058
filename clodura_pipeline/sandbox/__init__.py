"""A stand-in for Clodura's API on a loopback port: real HTTP, made-up people, a log of every call.

Clodura offers no sandbox and no test key, so this package takes its place in the demo, in the tests and wherever
a failure is to be seen. It uses nothing else of this project.

    with Sandbox(SandboxOptions(latency_seconds=0.15)) as sandbox:
        ...  # call sandbox.base_url with the key "sandbox-key"
        sandbox.options = replace(sandbox.options, faults=(Fault("status_503", share=0.3),))
        assert sandbox.call_log.balance == 10_000 - sandbox.call_log.charged

In a process of its own: `uv run clodura-pipeline sandbox --port 8900`, or `run_sandbox(port, options)`. Another process
reads the call log and switches options over HTTP:

    curl http://127.0.0.1:8900/_sandbox/help
    curl http://127.0.0.1:8900/_sandbox/books
    curl http://127.0.0.1:8900/_sandbox/options -d '{"faults": [{"kind": "charged_then_reset", "share": 0.1}]}'

**Faithful** (Clodura's documentation says so): the paths `POST /api/v1/cleanup/enrich` and `GET /api/v1/credits`, the
header `X-API-KEY`, the fields of a request and the combinations that identify a contact, no Sales Navigator addresses,
2 / 1 / 0 credits for a person, their company alone, no match; the eight error statuses and their meaning; both shapes
of the credits; which facts about a person and a company an answer holds.

**Likely** (users of the API say so, none of it is documented): the key names in an answer; misspelt fields being
ignored; a 404 on the credits for some plans; an unknown path answering with HTML; 409 in a second meaning.

**Made up** (unknown, so it can be switched): the envelope of an answer, how a miss is said, whether and under which
name the cost is stated, `functional` and `seniority` as string or list, limits as sliding windows that count only the
calls let through, the wording of errors, that the credits endpoint is not limited, that 400 answers malformed JSON
(the documentation has it under both 400 and 422), that a miss is answered when the balance is 0. All people, companies,
e-mail addresses (`.example`) and telephone numbers (kept free for fiction) are invented; the same on every machine.

A call is decided and charged when it arrives, in one step; what then happens to its answer changes no balance. So a
client that is killed while it waits has been charged, as it would be by a server that cannot know.

**Faults** are chosen from a seed and the number of the call: always, for a share of the calls, the first n, given
numbers, or the calls that name a certain contact. Checks of key, plan and limits come first. `faults.EFFECTS` says what
each kind does; `Fault(kind, charge=2)` makes any of them charge.

A request with a `Host` or `Origin` of another site is refused: the call log holds what was sent, and a web page could
otherwise read it through a browser on this machine.
"""

from .call_log import CREDITS_PATH, ENRICH_PATH, Call, CallLog
from .directory import Directory, Organisation, Person, build_directory
from .faults import EFFECTS, Fault, FaultKind
from .options import DEFAULT_API_KEY, SandboxOptions
from .server import Sandbox, run_sandbox

__all__ = [
    "CREDITS_PATH", "DEFAULT_API_KEY", "EFFECTS", "ENRICH_PATH", "Call", "CallLog", "Directory", "Fault", "FaultKind",
    "Organisation", "Person", "Sandbox", "SandboxOptions", "build_directory", "run_sandbox",
]  # fmt: skip
