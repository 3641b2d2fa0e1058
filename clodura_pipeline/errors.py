"""The errors of this package, as one tree.

CloduraPipelineError
├── UserFixableError        a person can fix it; the message says what happened and what to do, and holds no values
│   ├── SettingsError       settings.py: a setting cannot be used, or is unknown
│   ├── LedgerError         ledger/engines/database.py: the ledger cannot be used
│   │   └── LedgerUnavailable   for the moment: locked, or its disk is full
│   └── ...                 defined beside the code that raises them
├── CallFailed              clodura/errors.py: one call did not bring an answer
├── UnreadableAnswer        clodura/errors.py: an answer whose shape is not known
└── ReaderNotStarted        intake/reader_process.py: the process that reads contact files did not start
"""


class CloduraPipelineError(Exception):
    """Base class of every error that this package raises on purpose."""


class UserFixableError(CloduraPipelineError):
    """An error that a person can fix. Its text is shown as it is: no key, no contact data."""
