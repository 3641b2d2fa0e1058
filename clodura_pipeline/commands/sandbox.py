"""`clodura-pipeline sandbox`: the stand-in for Clodura's API, in a process of its own."""

import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click

from clodura_pipeline.sandbox import DEFAULT_API_KEY, EFFECTS, SandboxOptions, run_sandbox
from clodura_pipeline.sandbox.options import described_options

# Options of the sandbox that the command line has, with their defaults here; the others are set over HTTP.
_DEFAULTS = {
    "api_key": DEFAULT_API_KEY, "starting_balance": 10_000, "latency_seconds": 0.15, "requests_per_second": 10,
    "requests_per_minute": 100, "requests_per_day": 2000, "envelope": "object", "name_style": "documented",
    "field_names": None, "credit_usage_field": None, "miss_style": "empty_object", "credits_shape": "pool",
}  # fmt: skip
_SHORT = {"starting_balance": "--balance"}


def _options() -> list[click.Option]:
    hints, meanings = get_type_hints(SandboxOptions), described_options()
    return [
        click.Option(
            [f"--{name.replace('_', '-')}", *filter(None, [_SHORT.get(name)]), name],
            type=click.Choice(choices) if (choices := get_args(hints[name])) and default in choices else None,
            default=default,
            help=f"{meanings[name]}.",
            callback=_field_names if name == "field_names" else None,
        )
        for name, default in _DEFAULTS.items()
    ]


def _field_names(_ctx: click.Context, _param: click.Parameter, path: str | None) -> dict[str, str] | None:
    """The names that fields get in an answer, by documented path, from a TOML file."""
    try:
        return _by_path(tomllib.loads(Path(path).read_text(encoding="utf-8"))) if path else None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise click.BadParameter(
            f"{path} cannot be read: {reason}. Expected lines like: personTitle = 'who.position'"
        ) from None


def _by_path(names: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested tables as dotted paths: a line `domain = "web"` in a table `[organisation]` names organisation.domain."""
    found: dict[str, str] = {}
    for name, value in names.items():
        found |= _by_path(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: str(value)}
    return found


def _fault(text: str) -> dict[str, Any]:
    kind, _, share = text.partition(":")
    try:
        return {"kind": kind, "share": float(share or 1)}
    except ValueError:
        raise click.UsageError(f"The share in {text!r} is no number from 0 to 1.") from None


def _show_faults(ctx: click.Context, _param: click.Parameter, chosen: bool) -> None:
    if chosen:
        for kind, effect in EFFECTS.items():
            click.echo(f"{kind:<{max(map(len, EFFECTS))}}  {effect.says}")
        ctx.exit()


@click.command(context_settings={"show_default": True})
@click.option("--port", type=click.IntRange(0, 65535), default=8900, help="Port on 127.0.0.1; 0: any free one.")
@click.option(
    "--fault", "faults", metavar="KIND[:SHARE]", multiple=True, help="What goes wrong, for a share of the calls."
)
@click.option(
    "--list-faults", is_flag=True, is_eager=True, expose_value=False, callback=_show_faults, help="Show the faults."
)
def sandbox(port: int, faults: tuple[str, ...], **options: Any) -> None:
    """Start the stand-in for Clodura's API and serve until Ctrl-C.

    To call it, set CLODURA_BASE_URL to its address and CLODURA_API_KEY to its key, and give it a ledger and a database
    of its own (CLODURA_STATE_DIR, CLODURA_DATABASE): answers of the two are never mixed.

    It has more options than these, and takes all of them while it runs: see /_sandbox/help at its address.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        chosen = SandboxOptions().patched(given | {"faults": [_fault(text) for text in faults]})
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        run_sandbox(port, chosen)
    except OSError as error:
        raise click.ClickException(f"The sandbox {error.strerror}. Choose another port with --port.") from None


sandbox.params += _options()
