"""What `doctor` finds in a project folder, with a real sandbox, real folders and real file modes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ledger_checks import change

from clodura_pipeline.cli import main
from clodura_pipeline.sandbox import Sandbox, SandboxOptions

Preparation = Callable[[Path, Sandbox], dict[str, str] | None]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(starting_balance=1000)) as started:
        yield started


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a project that is set up well."""
    monkeypatch.setattr("clodura_pipeline.settings.project_root", lambda: tmp_path)
    (tmp_path / "data" / "state").mkdir(parents=True, mode=0o700)
    (tmp_path / "data" / "contacts").mkdir(mode=0o755)
    (tmp_path / "data" / "contacts" / "2026-11-20.csv").write_text("email\na@b.example\n")
    return tmp_path


@pytest.fixture
def doctor(root: Path, sandbox: Sandbox) -> Callable[..., Result]:
    def run(*arguments: str, **environment: str) -> Result:
        given = {"CLODURA_API_KEY": "sandbox-key", "CLODURA_BASE_URL": sandbox.base_url} | environment
        return CliRunner().invoke(main, ["doctor", *arguments], env=given)

    return run


def nothing_else(_root: Path, _sandbox: Sandbox) -> None: ...


def open_env_file(root: Path, _: Sandbox) -> None:
    (root / ".env").write_text("CLODURA_MAX_WORKERS=4\n")
    (root / ".env").chmod(0o644)


def readable_state(root: Path, _: Sandbox) -> None:
    (root / "data" / "state").chmod(0o755)


def writable_contacts(root: Path, _: Sandbox) -> None:
    (root / "data" / "contacts").chmod(0o777)


def no_contacts(root: Path, _: Sandbox) -> None:
    (root / "data" / "contacts" / "2026-11-20.csv").unlink()


def no_contacts_folder(root: Path, _: Sandbox) -> None:
    no_contacts(root, _)
    (root / "data" / "contacts").rmdir()


def no_credits(_: Path, sandbox: Sandbox) -> None:
    sandbox.options = replace(sandbox.options, starting_balance=0)


def no_paid_plan(_: Path, sandbox: Sandbox) -> None:
    sandbox.options = replace(sandbox.options, paid_plan=False)


def no_balance_endpoint(_: Path, sandbox: Sandbox) -> None:
    sandbox.options = replace(sandbox.options, credits_shape="missing")


@pytest.mark.parametrize(
    ("prepare", "environment", "line"),
    [
        (nothing_else, {}, "ok       key: accepted; 1000 credits left"),
        (nothing_else, {}, "ok       ledger: none yet; the first run creates"),
        (open_env_file, {}, "warning  .env is open to other users and holds the key: chmod 600 .env"),
        (readable_state, {}, "warning  CLODURA_STATE_DIR: other users can read the answers in"),
        (writable_contacts, {}, "warning  CLODURA_CONTACTS_DIR: other users can write to"),
        (no_contacts, {}, "warning  files: 0 in"),
        (no_contacts_folder, {}, "problem  files: there is no folder"),
        (nothing_else, {"CLODURA_API_KEY": ""}, "problem  key: CLODURA_API_KEY is not set."),
        (nothing_else, {"CLODURA_API_KEY": "another"}, "problem  key: Clodura rejected the API key (401)."),
        (no_paid_plan, {}, "problem  key: Clodura rejected access (403)"),
        (nothing_else, {"CLODURA_BASE_URL": "http://127.0.0.1:9"}, "problem  key: http://127.0.0.1:9 could not be"),
        (no_credits, {}, "warning  key: accepted; 0 credits left"),
        (nothing_else, {"CLODURA_MIN_BALANCE": "5000"}, "warning  key: accepted; 1000 credits left"),
        (no_balance_endpoint, {}, "warning  key: accepted; the balance is unknown"),
    ],
)
def test_each_finding_has_a_line_and_only_problems_fail(
    prepare: Preparation,
    environment: dict[str, str],
    line: str,
    root: Path,
    sandbox: Sandbox,
    doctor: Callable[..., Result],
) -> None:
    prepare(root, sandbox)
    result = doctor(**environment)
    assert line in result.output
    assert result.exit_code == (1 if line.startswith("problem") else 0)
    assert not sandbox.call_log.enrich_calls
    assert "sandbox-key" not in result.output


def test_one_call_shows_how_its_answer_was_read_and_is_not_paid_for_again(
    doctor: Callable[..., Result], sandbox: Sandbox
) -> None:
    profile = next(person.linkedin_url for person in sandbox.directory.people if person.answer == "person")
    first = doctor("--call", profile, "--yes")
    again = doctor("--call", profile, "--yes")
    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    assert first.output.startswith(f"person; 1 call(s), {sandbox.call_log.charged:g} credits")
    assert "person.job_title" in first.output
    assert "nothing was spent" in again.output
    assert len(sandbox.call_log.enrich_calls) == 1


def test_what_identifies_no_person_is_not_called_for(doctor: Callable[..., Result], sandbox: Sandbox) -> None:
    result = doctor("--call", "info@firm.example", "--yes")
    assert result.exit_code == 2
    assert "identifies no person" in result.output
    assert not sandbox.call_log.enrich_calls


def test_words_that_are_no_identifier_are_not_called_for(doctor: Callable[..., Result], sandbox: Sandbox) -> None:
    result = doctor("--call", "Ann Lee", "--yes")
    assert result.exit_code == 2
    assert "--first-name" in result.output
    assert not sandbox.call_log.enrich_calls


def test_no_call_is_made_without_a_yes(doctor: Callable[..., Result], sandbox: Sandbox) -> None:
    result = doctor("--call", sandbox.directory.people[0].email)
    assert "one real call, for up to 2 credits" in result.output
    assert result.exit_code == 1
    assert not sandbox.call_log.enrich_calls


def test_no_call_is_made_with_a_rejected_key(doctor: Callable[..., Result], sandbox: Sandbox) -> None:
    result = doctor("--call", sandbox.directory.people[0].email, "--yes", CLODURA_API_KEY="another")
    assert result.exit_code == 1
    assert "No call was made: " in result.output
    assert not sandbox.call_log.enrich_calls


def test_a_miss_is_shown_with_its_price(doctor: Callable[..., Result], sandbox: Sandbox) -> None:
    miss = next(person for person in sandbox.directory.people if person.answer == "miss")
    assert doctor("--call", miss.email, "--yes").output.startswith("no_match; 1 call(s), 0 credits")


def test_names_of_an_answer_that_no_column_has_are_shown(doctor: Callable[..., Result], sandbox: Sandbox) -> None:
    sandbox.options = replace(sandbox.options, field_names={"personTitle": "who.verse"})
    person = next(person for person in sandbox.directory.people if person.answer == "person")
    assert "not mapped: who.verse (text)" in doctor("--call", person.email, "--yes").output


def test_a_ledger_that_does_not_add_up_is_a_problem(
    doctor: Callable[..., Result], sandbox: Sandbox, root: Path
) -> None:
    person = next(person for person in sandbox.directory.people if person.answer == "person")
    doctor("--call", person.email, "--yes")
    assert "1 calls, " in doctor().output
    change(root / "data" / "state" / "ledger.sqlite", "UPDATE totals SET charged_credits = 99")
    result = doctor()
    assert "problem  ledger: a rule does not hold" in result.output
    assert result.exit_code == 1


def test_answers_that_an_older_reader_read_are_read_again_when_asked_to(
    doctor: Callable[..., Result], sandbox: Sandbox, root: Path
) -> None:
    for person in [person for person in sandbox.directory.people if person.answer == "person"][:3]:
        doctor("--call", person.email, "--yes")
    ledger = root / "data" / "state" / "ledger.sqlite"
    change(ledger, "UPDATE attempts SET reader_version = 'older', state = 'unrecognised', charged_credits = 0")
    change(ledger, "UPDATE totals SET charged_credits = 0")

    def answers(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["answers", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    planned = answers("--dry-run")
    assert planned.startswith("Would change: 3 kept answers read again: 3 unrecognised -> person; +6 credits")
    done = answers("--reread")
    assert done.startswith("Done: 3 kept answers read again: 3 unrecognised -> person; +6 credits")
    assert "nothing to do" in answers("--reread")
    assert len(sandbox.call_log.enrich_calls) == 3
