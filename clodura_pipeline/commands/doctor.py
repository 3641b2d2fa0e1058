"""`clodura-pipeline doctor`: is everything set up? Spends nothing, except with --call."""

import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from clodura_pipeline import settings as project
from clodura_pipeline.clodura.answers.reader import Enrichment
from clodura_pipeline.clodura.client import ClientSettings, CloduraClient
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import read_balance
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.errors import CallFailed
from clodura_pipeline.identity.canonical import identifiers_of
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.ledger import exists
from clodura_pipeline.ledger.engines.database import engine_of
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.person_key import person_key
from clodura_pipeline.ledger.rules.policy import Run
from clodura_pipeline.settings import SECRETS, Settings, load_settings, variable_of

OK, WARNING, PROBLEM = "ok", "warning", "problem"
Line = tuple[str, str]
_LITTLE_SPACE_BYTES = 1 << 30


@click.command()
@click.option("--call", "identifier", help="Make one real call for this LinkedIn profile or e-mail address.")
@click.option("--first-name", help="For a call by name: with --last-name and --company.")
@click.option("--last-name")
@click.option("--company")
@click.option("--yes", is_flag=True, help="Do not ask before spending up to 2 credits.")
def doctor(
    identifier: str | None, first_name: str | None, last_name: str | None, company: str | None, yes: bool
) -> None:
    """Check settings, folders, ledger, key and balance. Spends nothing, except with --call.

    The exit code is 1 when there is a problem.
    """
    settings = load_settings()
    given = identifier or ""
    identifiers = Identifiers(
        linkedin_url=given if "linkedin." in given.lower() else None,
        email=given if "@" in given else None,
        first_name=first_name,
        last_name=last_name,
        organisation_name=company,
    )
    if identifiers.combination:
        _call(settings, identifiers, yes)
        return
    if any((given, first_name, last_name, company)):
        raise click.UsageError(
            "Give --call a LinkedIn profile or an e-mail address, or give --first-name, --last-name and --company."
        )
    checks = (_settings_in_force, _folders, _ledger, _account, _files)
    lines = [line for check in checks for line in check(settings)]
    for state, text in lines:
        click.secho(f"{state:<8} {text}", fg={OK: None, WARNING: "yellow", PROBLEM: "red"}[state])
    if any(state == PROBLEM for state, _ in lines):
        raise click.exceptions.Exit(1)


def _settings_in_force(settings: Settings) -> Iterator[Line]:
    changed = [
        f"{variable_of(name)}={'***' if name in SECRETS else value}"
        for name, value in settings
        if value != Settings.model_fields[name].default and name not in ("contacts_dir", "database", "state_dir")
    ]
    yield OK, "settings other than their defaults: " + (", ".join(changed) or "none")
    env_file = project.project_root() / ".env"
    if env_file.is_file() and env_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield WARNING, ".env is open to other users and holds the key: chmod 600 .env"


def _folders(settings: Settings) -> Iterator[Line]:
    places = {
        "CLODURA_STATE_DIR": settings.state_dir,
        "CLODURA_DATABASE": settings.database.parent,
        "CLODURA_CONTACTS_DIR": settings.contacts_dir,
    }
    for name, folder in places.items():
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if folder != settings.contacts_dir and not os.access(existing, os.W_OK):
            yield PROBLEM, f"{name}: {folder} cannot be written. Make it a folder that this user can write to."
        elif shutil.disk_usage(existing).free < _LITTLE_SPACE_BYTES:
            yield WARNING, f"{name}: {folder} has less than 1 GiB free."
        elif folder.exists() and folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield WARNING, f"{name}: other users can write to {folder}: chmod go-w {folder}"
        elif folder == settings.state_dir and folder.exists() and folder.stat().st_mode & 0o077:
            yield WARNING, f"{name}: other users can read the answers in {folder}: chmod -R go-rwx {folder}"
        else:
            yield OK, f"{name}: {folder}, {shutil.disk_usage(existing).free >> 30} GiB free"


def _ledger(settings: Settings) -> Iterator[Line]:
    if not exists(settings.ledger):
        yield OK, f"ledger: none yet; the first run creates {settings.ledger}"
        return
    engine, seconds = engine_of(settings.ledger)
    yield OK, f"ledger: {settings.ledger}, {engine}, {seconds * 1000:.1f} ms per statement"
    audit = audit_ledger(settings.ledger)
    if audit.sound:
        yield OK, f"ledger: {audit.calls} calls, {audit.charged:g} credits, {audit.at_risk:g} at risk; it is sound"
    else:
        yield PROBLEM, "ledger: a rule does not hold. Run `clodura-pipeline ledger check`."


def _account(settings: Settings) -> Iterator[Line]:
    if not settings.api_key:
        yield PROBLEM, "key: CLODURA_API_KEY is not set. Put it into the environment or into .env."
        return
    client = CloduraClient(ClientSettings(settings.base_url, settings.api_key, settings.timeout_seconds, 1))
    try:
        balance = read_balance(client.credits())
    except CallFailed as failure:
        yield PROBLEM, f"key: {settings.base_url} could not be reached ({failure}). Check CLODURA_BASE_URL and network."
        return
    finally:
        client.close()
    if balance.access_refused:
        what = "the API key (401)" if balance.access_refused == 401 else "access (403): check the plan and proxies"
        yield PROBLEM, f"key: Clodura rejected {what}. No credits were spent. Check CLODURA_API_KEY."
    elif balance.credits is None:
        yield WARNING, f"key: accepted; the balance is unknown ({balance.shape}), which not every plan states"
    else:
        state = WARNING if balance.credits < max(1, settings.min_balance) else OK
        yield state, f"key: accepted; {balance.credits:g} credits left"
    limits = settings.limits
    caps = f"{settings.max_credits_per_run} credits per run, {settings.max_credits_per_day or 'no cap'} per day"
    yield OK, f"limits: {limits.per_second}/s, {limits.per_minute}/min, {limits.per_day}/day; caps: {caps}"


def _files(settings: Settings) -> Iterator[Line]:
    if not settings.contacts_dir.is_dir():
        yield PROBLEM, f"files: there is no folder {settings.contacts_dir}. Create it, or set CLODURA_CONTACTS_DIR."
        return
    found = find_files(settings.contacts_dir)
    counts = f"{len(found.files)} in {settings.contacts_dir}, {len(found.left_alone)} left alone"
    text = f"files: {counts}; `clodura-pipeline plan DAY` shows what a day would cost"
    yield OK if found.files else WARNING, text


def _call(settings: Settings, identifiers: Identifiers, yes: bool) -> None:
    # Imported for a call only: Dagster comes with it, which takes two seconds.
    from clodura_pipeline.graph.resources import CloduraResource

    profile, email, name = next(iter(identifiers_of([identifiers])))
    ids = tuple(found for found in (profile, email) if found) or ((name,) if name else ())
    if not ids:
        raise click.UsageError("This identifies no person: a role address, a company page or a Sales Navigator link.")
    if not yes:
        click.confirm("This makes one real call, for up to 2 credits. Go on?", abort=True)
    today = datetime.now(UTC).date()
    request = EnrichmentRequest(person_key(ids[0]), identifiers, ids, (), today, "clodura-pipeline doctor")
    run_id = f"doctor-{uuid.uuid4().hex[:12]}"
    run = Run(run_id, run_id, settings.max_credits_per_run, today.isoformat(), today.isoformat())
    clodura = CloduraResource.from_settings(settings)
    with open_ledger(settings.ledger) as ledger, clodura.session(ledger, run, settings.budget) as session:
        if session.dispatcher.stopped:
            raise click.ClickException(f"No call was made: {session.dispatcher.stopped.reason}.")
        outcome = next(iter(session.dispatcher.dispatch([[request]])), None)
        progress = session.dispatcher.progress
    if outcome is None:
        raise click.ClickException("No call was made. See the ledger with `clodura-pipeline ledger check`.")
    reason = f" ({outcome.pending_reason.text})" if outcome.pending_reason else ""
    counted = f"{progress.calls} call(s), {progress.credits_charged:g} credits"
    click.echo(f"{outcome.state or 'pending'}{reason}; {counted}\n")
    if outcome.enrichment:
        _show(outcome.enrichment)
    elif progress.calls == 0:
        click.echo("This person has an answer or may not be called for; nothing was spent.")


def _show(enrichment: Enrichment) -> None:
    for part in (enrichment.person, enrichment.organisation):
        for name, value in vars(part).items():
            if value is not None:
                click.echo(f"  {type(part).__name__.lower()}.{name:<20} {value}")
    for path in enrichment.unmapped:
        click.echo(f"  not mapped: {path.path} ({path.value_type})")
