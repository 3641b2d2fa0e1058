"""The errors of this package, as one tree.

CloduraPipelineError
├── UserFixableError        a person can fix it; the message says what happened and what to do, and holds no values
│   ├── SettingsError       settings.py: a setting cannot be used, or is unknown
│   ├── LedgerError         ledger/engines/database.py: the ledger cannot be used
│   │   └── LedgerUnavailable   for the moment: locked, or its disk is full
│   └── ...                 defined beside the code that raises them
├── CallFailed              no whole answer arrived
│   ├── NotSent             the request never left: nothing can have been charged, it may be asked again
│   └── AnswerLost          it was sent: it may have been charged, and only a later run may ask again
├── UnreadableAnswer        an answer arrived that cannot be read: keep the raw bytes, never take it for "no match"
└── ReaderNotStarted        intake/reader_process.py: the process that reads contact files did not start

Messages never hold a URL with a query, a header or a person's data.
"""

from enum import StrEnum


class CloduraPipelineError(Exception):
    """Base class of every error that this package raises on purpose."""


class UserFixableError(CloduraPipelineError):
    """An error that a person can fix. Its text is shown as it is: no key, no contact data."""


class FailureReason(StrEnum):
    """Why no whole answer arrived. The values are stored in the ledger."""

    CONNECTION_REFUSED = "connection_refused"
    NAME_NOT_FOUND = "name_not_found"
    TLS_FAILED = "tls_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    TIMEOUT = "timeout"
    RESET = "reset"
    CUT_SHORT = "cut_short"
    NOT_FINAL = "not_final"


class CallFailed(CloduraPipelineError):
    """No whole answer arrived; `reason` says why."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class NotSent(CallFailed):
    """The request never left this machine: nothing can have been charged."""


class AnswerLost(CallFailed):
    """The request was sent and its answer was lost: it may or may not have been charged."""


class UnreadableAnswer(CloduraPipelineError):
    """An answer whose shape is not known. The message names the shape (types, key names), never a value."""
