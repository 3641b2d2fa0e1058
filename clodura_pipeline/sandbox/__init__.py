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

`help.txt` says what in it is documented by Clodura, what users report and what is made up; `faults.toml` what can go
wrong. A request with a `Host` or `Origin` of another site is refused: the call log holds what was sent, and a web page
could otherwise read it through a browser on this machine.
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
