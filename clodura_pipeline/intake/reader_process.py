"""Reads contact files in a process of their own, with limits on memory and time: no file can take down a run.

The process is started for the first file and kept while it is healthy. Rows come back as an Arrow file in a temporary
folder that only this user can open; it is mapped into memory and removed at once.
"""

import contextlib
import json
import os
import resource
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyarrow as pa

from clodura_pipeline.errors import CloduraPipelineError
from clodura_pipeline.intake.cell_table import FrameSink
from clodura_pipeline.intake.contact_file import ContactRows, is_packed, read_contacts
from clodura_pipeline.intake.headers.matching import Spellings
from clodura_pipeline.intake.landed_rows import LANDED_SCHEMA
from clodura_pipeline.intake.unreadable import UnreadableFile, UnreadableRecord

_MEBIBYTE = 1 << 20
_PACKAGE_PARENT = Path(__file__).parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from clodura_pipeline.intake.reader_process import serve; serve()"
)
# Else allocators reserve address space far beyond what they use, and its limit says little: 2.3 GB instead of 0.5 GB.
_ALLOCATE_AS_NEEDED = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_START_SECONDS = 120  # 1 s on an idle machine
_TRY_START = f"To see why, run: {sys.executable} -c 'import clodura_pipeline.intake.reader_process'"
_UNREADABLE_SCHEMA = {"source_row": pl.Int64, "reason": pl.String, "text": pl.String}


class ReaderNotStarted(CloduraPipelineError):
    """The process that reads contact files could not be started."""


@dataclass(frozen=True)
class ReadLimits:
    """What reading one file may take: a base, and more for each byte of the file.

    One million rows (144 MB of CSV) take 0.4 GiB; nested JSON takes about ten times its size. A packed file (gzip,
    Parquet, .xlsx) counts as `packed_ratio` times its size.
    """

    memory_bytes: int = 1 << 30
    memory_per_byte: float = 12
    seconds: float = 60
    seconds_per_mebibyte: float = 2
    packed_ratio: int = 10
    kept_bytes: int = 32 * _MEBIBYTE  # after a larger file the process ends, and its memory with it

    def of(self, location: Path) -> tuple[int, float]:
        """Bytes of memory and seconds for a file."""
        size = location.stat().st_size * (self.packed_ratio if is_packed(location) else 1)
        memory = self.memory_bytes + int(size * self.memory_per_byte)
        return memory, self.seconds + size / _MEBIBYTE * self.seconds_per_mebibyte


class ContactFileReader:
    """Reads contact files within limits. A context manager: the process ends with it."""

    def __init__(self, limits: ReadLimits | None = None, folder: Path | None = None) -> None:
        """Rows, about five times a file's size, are handed over in `folder`, else where temporary files are kept."""
        self._limits = limits or ReadLimits()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "ContactFileReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def read(self, location: Path, extra_spellings: Spellings | None = None) -> ContactRows:
        """All records of a file, as `read_contacts` reads them. Raises UnreadableFile, also at a limit."""
        try:
            memory_bytes, seconds = self._limits.of(location)
            is_large = location.stat().st_size > self._limits.kept_bytes
        except OSError as error:
            raise UnreadableFile(f"cannot be opened: {error.strerror}") from None
        with tempfile.TemporaryDirectory(prefix="clodura-contacts-", dir=self._folder) as folder:
            request = {
                "location": str(location.absolute()),
                "spellings": {column: list(listed) for column, listed in (extra_spellings or {}).items()},
                "memory_bytes": memory_bytes,
                "folder": folder,
            }
            answer = self._ask(request, seconds, memory_bytes)
            if answer.get("ends") or is_large:
                self._stop()
            if "error_number" in answer:
                raise OSError(answer["error_number"], f"{answer['error']}, while rows were written to {folder}")
            if "unreadable_file" in answer:
                raise UnreadableFile(answer["unreadable_file"])
            unreadable = _mapped(Path(folder, "unreadable.arrow"))
            return ContactRows(
                rows=_mapped(Path(folder, "rows.arrow")),
                unreadable=tuple(UnreadableRecord(*row) for row in unreadable.iter_rows()),
                notes=tuple(answer.pop("notes")),
                **answer["contacts"],
            )

    def _ask(self, request: dict[str, Any], seconds: float, memory_bytes: int) -> dict[str, Any]:
        if self._process is not None and self._process.poll() is not None:
            self._stop()  # it was ended from outside, and no file is to blame
        process = self._process or self._start()
        try:
            _pipe(process.stdin).write(json.dumps(request).encode() + b"\n")
            _pipe(process.stdin).flush()
            line = _line_within(_pipe(process.stdout), seconds)
        except TimeoutError:
            self._stop()
            raise UnreadableFile(_beyond(f"took more than {seconds:,.0f} seconds to read")) from None
        except BrokenPipeError:
            line = b""
        except BaseException:  # an interruption while the answer is awaited: the next file must not get it
            self._stop()
            raise
        if not line:
            raise UnreadableFile(f"{_beyond_memory(memory_bytes)} (its reader ended with code {self._stop()})")
        return json.loads(line)

    def _start(self) -> subprocess.Popen[bytes]:
        # Without -P, a module in the current folder could take the place of one of ours.
        command = [sys.executable, "-P", "-c", _START, str(_PACKAGE_PARENT)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLODURA_")}
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what libraries print of a crash may hold cells
            env=environment | _ALLOCATE_AS_NEEDED,
        )
        self._process = process
        if not _line_within(_pipe(process.stdout), _START_SECONDS):
            self._stop()
            raise ReaderNotStarted(
                "The process that reads contact files did not start. No file was read. " + _TRY_START
            )
        return process

    def _stop(self) -> int | None:
        """End the process; returns its exit code, or the number of the signal that ended it, negative."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.kill()  # without effect where it has ended by itself
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                _pipe(pipe).close()
        return process.wait()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _line_within(stream: IO[bytes], seconds: float) -> bytes:
    """The next line of a pipe, empty where its other end has closed."""
    deadline = time.monotonic() + seconds
    received = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not received.endswith(b"\n"):
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise TimeoutError
            piece = os.read(stream.fileno(), 1 << 16)
            if not piece:
                return b""
            received += piece
    return received


def _mapped(location: Path) -> pl.DataFrame:
    """The rows of an Arrow file, which stay on disk, also when its name is removed."""
    return pl.DataFrame(pa.ipc.open_file(pa.memory_map(str(location))).read_all())


def _beyond(what: str) -> str:
    return f"{what}, the limit for a file of its size; split it into several files, or save it as plain CSV"


def _beyond_memory(memory_bytes: int) -> str:
    return _beyond(f"took more than {memory_bytes // _MEBIBYTE:,} MiB of memory to read")


def serve() -> None:
    """The other process: answers requests on standard input until it is closed."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    with tempfile.TemporaryDirectory() as folder:  # libraries reserve address space when they are first used
        first = Path(folder, "first.csv")
        first.write_text("email,name\na@example.com,Ann\n")
        _read(first, {}, Path(folder))
    answers.write(b"ready\n")
    answers.flush()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        answer = _answer(request)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
        if answer.get("ends"):
            return


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        with _memory_limit(request["memory_bytes"]):
            return _read(Path(request["location"]), request["spellings"], Path(request["folder"]))
    except UnreadableFile as error:
        return {"unreadable_file": error.reason}
    except OSError as error:  # those of the contact file are an UnreadableFile
        return {"error_number": error.errno or 0, "error": error.strerror or type(error).__name__}
    except MemoryError:
        return {"unreadable_file": _beyond_memory(request["memory_bytes"]), "ends": True}
    except BaseException as error:  # noqa: BLE001 - panics of Rust libraries are no Exception
        reason = f"could not be read: unexpected error {type(error).__name__}; save it as plain CSV"
        return {"unreadable_file": reason, "ends": True}


def _read(location: Path, spellings: Mapping[str, list[str]], folder: Path) -> dict[str, Any]:
    own = {column: tuple(listed) for column, listed in spellings.items()}
    with _arrow_file(folder / "rows.arrow", LANDED_SCHEMA) as store:
        contacts = read_contacts(location, own, store)
    texts = [(one.source_row, one.reason, one.text) for one in contacts.unreadable]
    with _arrow_file(folder / "unreadable.arrow", _UNREADABLE_SCHEMA) as store:
        store(pl.DataFrame(texts, schema=_UNREADABLE_SCHEMA, orient="row"))
    fields = ("records", "mapping", "format", "encoding_is_doubtful")
    return {"contacts": {name: getattr(contacts, name) for name in fields}, "notes": contacts.notes}


@contextlib.contextmanager
def _arrow_file(location: Path, columns: dict[str, Any]) -> Iterator[FrameSink]:
    """Writes frames to an Arrow file."""
    schema = pl.DataFrame(schema=columns).to_arrow().schema
    with pa.OSFile(str(location), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        yield lambda rows: writer.write_table(rows.to_arrow())


@contextlib.contextmanager
def _memory_limit(memory_bytes: int) -> Iterator[None]:
    """Limits the address space to what is taken now and `memory_bytes` more, where the system can."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space_bytes() + memory_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _address_space_bytes() -> int:
    statistics = Path("/proc/self/statm")
    pages = int(statistics.read_text().split()[0]) if statistics.exists() else 0
    return pages * resource.getpagesize()
