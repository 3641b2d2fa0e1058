"""What a run prints: a line for each message, and why it failed once, without Dagster's stack traces.

The event log keeps everything. Dagster 1.13.27 prints each failure twice, with 30 lines of its own code, and a line for
every step that could not start because of it: 90 lines for one wrong key. Loggers that `Definitions` name are used only
by runs whose config names them, so the class is changed from which Dagster makes its console logger.
"""

import copy
import logging

_BEFORE_STACK = "\n\nStack Trace:"


def shorten_failures() -> None:
    """Print failures of runs in this process shortly."""
    logging.setLoggerClass(ConsoleLogger)


class ConsoleLogger(logging.Logger):
    """A logger; one named "dagster" gives the reason of a failure once, and without its stack."""

    def handle(self, record: logging.LogRecord) -> None:
        """Print a record, or leave it out."""
        text = record.getMessage()
        if self.name == "dagster":
            if "Dependencies for step " in text or "Steps failed: [" in text:
                return  # the step that failed has given the reason
            if _BEFORE_STACK in text:
                record = copy.copy(record)  # the event log gets the same one
                record.msg, record.args = " ".join(text.partition(_BEFORE_STACK)[0].split()), None
        super().handle(record)
