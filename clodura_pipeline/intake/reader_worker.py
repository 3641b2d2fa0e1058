"""The process that reads contact files for another one: see `reader_process`."""

import contextlib
import resource
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import polars as pl
import psutil
import pyarrow as pa

from clodura_pipeline.intake.contact_file import read_contacts
from clodura_pipeline.intake.reader_process import ROWS, ReaderEnds, Request, beyond_memory
from clodura_pipeline.intake.rows.landed_rows import LANDED_SCHEMA, ContactRows
from clodura_pipeline.intake.unreadable import UnreadableFile


def serve(file_descriptor: int) -> None:
    """The other process: answers requests until the pipe is closed."""
    pipe = Connection(file_descriptor)
    with tempfile.TemporaryDirectory() as folder:  # libraries reserve address space when they are first used
        first = Path(folder, "first.csv")
        first.write_text("email,name\na@example.com,Ann\n")
        _read(Request(first, {}, 0, Path(folder)))
    pipe.send("ready")
    with contextlib.suppress(EOFError):
        while True:
            answer = _answer(pipe.recv())
            pipe.send(answer)
            if isinstance(answer, ReaderEnds):
                return


def _answer(request: Request) -> ContactRows | Exception:
    try:
        with _memory_limit(request.memory_bytes):
            return _read(request)
    except UnreadableFile as error:
        return error
    except OSError as error:  # those of the contact file are an UnreadableFile
        reason = f"{error.strerror or type(error).__name__}, while rows were written to {request.folder}"
        return OSError(error.errno or 0, reason)
    except MemoryError:
        return ReaderEnds(beyond_memory(request.memory_bytes))
    except BaseException as error:  # noqa: BLE001 - panics of Rust libraries are no Exception
        return ReaderEnds(f"could not be read: unexpected error {type(error).__name__}; save it as plain CSV")


def _read(request: Request) -> ContactRows:
    schema = pl.DataFrame(schema=LANDED_SCHEMA).to_arrow().schema
    with pa.OSFile(str(request.folder / ROWS), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        return read_contacts(
            request.location, request.spellings, lambda rows: writer.write_table(rows.to_arrow(), max_chunksize=50_000)
        )


@contextlib.contextmanager
def _memory_limit(memory_bytes: int) -> Iterator[None]:
    """Limits the address space to what is taken now and `memory_bytes` more, where the system can."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + memory_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
