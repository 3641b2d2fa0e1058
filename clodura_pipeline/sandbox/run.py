"""The sandbox as a process of its own, for the command line and for tests that need one."""

import signal
import threading
from types import FrameType

from .control import HELP_PATH
from .options import DEFAULT_API_KEY, SandboxOptions
from .server import Sandbox


def run_sandbox(port: int, options: SandboxOptions | None = None) -> None:
    """Serves until SIGINT or SIGTERM; prints one line once it listens. Call it from the main thread."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Sandbox(options, port) as sandbox:
            key = f"key: {DEFAULT_API_KEY}" if sandbox.options.api_key == DEFAULT_API_KEY else "key: the one you set"
            print(f"Clodura sandbox at {sandbox.base_url} ({key}; help: {HELP_PATH}; Ctrl-C ends it)", flush=True)
            ended.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
