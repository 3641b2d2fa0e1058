"""The demo's folder, and an environment in which none of the user's settings count."""

import os
from datetime import date
from pathlib import Path

import pytest

from clodura_pipeline.demo.folder import DemoError, DemoFolder
from clodura_pipeline.demo.runs import open_demo
from clodura_pipeline.settings import Settings, load_settings

TODAY = date(2026, 11, 22)
USERS_ENV_FILE = """
CLODURA_API_KEY=key-of-the-user
CLODURA_BASE_URL=https://api.clodura.ai
CLODURA_CONTACTS_DIR=mine
CLODURA_START_DATE=2020-01-01
CLODURA_DATABASE=mine.duckdb
CLODURA_STATE_DIR=mine
CLODURA_HEADER_SPELLINGS=mine.toml
CLODURA_REQUESTS_PER_SECOND=1
CLODURA_REQUESTS_PER_MINUTE=1
CLODURA_REQUESTS_PER_DAY=1
CLODURA_JITTER_SECONDS=1
CLODURA_MAX_CREDITS_PER_RUN=1
CLODURA_MAX_CREDITS_PER_DAY=1
CLODURA_MIN_BALANCE=99999
CLODURA_MAX_WORKERS=1
CLODURA_BATCH_SIZE=1
CLODURA_TIMEOUT_SECONDS=1
CLODURA_ANSWER_MAX_AGE_DAYS=1
CLODURA_NO_MATCH_MAX_AGE_DAYS=1
CLODURA_MIN_MATCH_RATE=1
CLODURA_MIN_SAMPLE=1
CLODURA_ALLOW_NEW_LEDGER=1
"""


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    folder = DemoFolder(tmp_path)
    folder.write_files(TODAY)
    return folder


def load(environment: dict[str, str], env_file: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    with monkeypatch.context() as patch:
        for name in os.environ:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        return load_settings(env_file)


def test_neither_the_users_environment_nor_their_env_file_counts(
    folder: DemoFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(USERS_ENV_FILE)
    users = {name: value for name, _, value in (line.partition("=") for line in USERS_ENV_FILE.split())}
    lower_case = {name.lower(): value for name, value in users.items()}
    with_users = folder.environment(
        "http://127.0.0.1:9", {**users, **lower_case, "DAGSTER_HOME": "/mine", "PATH": "/bin"}
    )
    alone = folder.environment("http://127.0.0.1:9", {"PATH": "/bin"})
    assert with_users == alone
    assert with_users["PATH"] == "/bin"
    assert with_users["DAGSTER_HOME"] == str(folder.dagster_home)
    settings = load(with_users, tmp_path / ".env", monkeypatch)
    assert settings == load(alone, tmp_path / "none", monkeypatch)
    assert (settings.base_url, settings.contacts_dir) == ("http://127.0.0.1:9", folder.contacts)
    # Each setting has a value of the demo's own that can be read: what is left out would come from `.env`.
    values = [with_users[f"CLODURA_{name.upper()}"] for name in Settings.model_fields]
    assert not {"", "None"} & set(values)


def test_every_path_lies_in_the_demos_folder(
    folder: DemoFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = load(folder.environment("http://127.0.0.1:9", {}), tmp_path / "none", monkeypatch)
    paths = [value for _, value in settings if isinstance(value, Path)]
    assert len(paths) == 7
    assert all(path.is_relative_to(tmp_path / "data" / "demo") for path in paths)


def test_files_are_of_three_days_up_to_today_and_keep_their_days_later(folder: DemoFolder) -> None:
    days = ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert folder.write_files(TODAY) == days
    assert folder.write_files(date(2026, 12, 24)) == days
    assert sorted(each.name for each in folder.contacts.iterdir()) == days


def test_a_fresh_demo_deletes_what_was_there(folder: DemoFolder) -> None:
    folder.database.touch(0o444)
    folder.state.mkdir()
    (folder.state / "ledger.sqlite").touch()
    with folder.prepared(TODAY, fresh=True):
        assert not folder.database.exists()
        assert not folder.state.exists()


def test_a_second_demo_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with open_demo(tmp_path), pytest.raises(DemoError, match="Another demo is running"), open_demo(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(DemoError, match="needs to write to"), open_demo(tmp_path):
        pass


def test_a_damaged_ledger_is_explained(folder: DemoFolder, tmp_path: Path) -> None:
    folder.state.mkdir()
    (folder.state / "ledger.sqlite").write_text("this is no database" * 100)
    with pytest.raises(DemoError, match="--fresh"), open_demo(tmp_path):
        pass
