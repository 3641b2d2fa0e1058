"""`clodura-pipeline sandbox`: the stand-in for Clodura's API, in a process of its own."""

import tomllib
from pathlib import Path
from typing import Any, get_args

import click

from clodura_pipeline.sandbox import DEFAULT_API_KEY, EFFECTS, Fault, SandboxOptions, run_sandbox
from clodura_pipeline.sandbox.options import CreditsShape, Envelope, MissStyle, NameStyle, described_options

_NOT_NEGATIVE = click.IntRange(min=0)
_SAYS = described_options()


class FaultType(click.ParamType):
    """`KIND` or `KIND:SHARE`."""

    name = "KIND[:SHARE]"

    def convert(self, value: str | Fault, param: click.Parameter | None, ctx: click.Context | None) -> Fault:
        """The fault that the text names."""
        if isinstance(value, Fault):
            return value
        kind, _, share = value.partition(":")
        if kind not in EFFECTS:
            self.fail(f"there is no fault {kind!r}; there are: {', '.join(EFFECTS)}", param, ctx)
        try:
            return Fault(kind, share=float(share or 1))
        except ValueError:
            self.fail(f"the share in {value!r} must be a number from 0 to 1", param, ctx)


class FieldNamesType(click.ParamType):
    """A TOML file of the names that fields get in an answer."""

    name = "FILE.toml"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        """The names by documented path."""
        try:
            return _by_path(tomllib.loads(Path(value).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self.fail(
                f"{value} cannot be read: {reason}. Expected lines like: personTitle = 'who.position'", param, ctx
            )


def _by_path(names: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested tables as dotted paths: a line `domain = "web"` in a table `[organisation]` names organisation.domain."""
    found: dict[str, str] = {}
    for name, value in names.items():
        found |= _by_path(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: str(value)}
    return found


def _show_faults(ctx: click.Context, _param: click.Parameter, chosen: bool) -> None:
    if chosen:
        width = max(map(len, EFFECTS))
        for kind, effect in EFFECTS.items():
            click.echo(f"{kind:<{width}}  {effect.says}")
        ctx.exit()


def _option(name: str, kind: Any, default: Any, *flags: str) -> Any:
    return click.option(f"--{name.replace('_', '-')}", *flags, name, type=kind, default=default, help=f"{_SAYS[name]}.")


@click.command(context_settings={"show_default": True})
@click.option("--port", type=click.IntRange(0, 65535), default=8900, help="Port on 127.0.0.1; 0: any free one.")
@_option("api_key", str, DEFAULT_API_KEY)
@_option("starting_balance", _NOT_NEGATIVE, 10_000, "--balance")
@_option("latency_seconds", click.FloatRange(min=0), 0.15)
@_option("requests_per_second", _NOT_NEGATIVE, 10)
@_option("requests_per_minute", _NOT_NEGATIVE, 100)
@_option("requests_per_day", _NOT_NEGATIVE, 2000)
@_option("envelope", click.Choice(get_args(Envelope)), "object")
@_option("name_style", click.Choice(get_args(NameStyle)), "documented")
@_option("field_names", FieldNamesType(), None)
@_option("credit_usage_field", str, None)
@_option("miss_style", click.Choice(get_args(MissStyle)), "empty_object")
@_option("credits_shape", click.Choice(get_args(CreditsShape)), "pool")
@click.option("--fault", "faults", type=FaultType(), multiple=True, help="What goes wrong, for a share of the calls.")
@click.option(
    "--list-faults", is_flag=True, is_eager=True, expose_value=False, callback=_show_faults, help="Show the faults."
)
def sandbox(port: int, **options: Any) -> None:
    """Start the stand-in for Clodura's API and serve until Ctrl-C.

    To call it, set CLODURA_BASE_URL to its address and CLODURA_API_KEY to its key, and give it a ledger and a database
    of its own (CLODURA_STATE_DIR, CLODURA_DATABASE): answers of the two are never mixed.

    It has more options than these, and takes all of them while it runs: see /_sandbox/help at its address.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        run_sandbox(port, SandboxOptions().patched(given))
    except OSError as error:
        raise click.ClickException(f"The sandbox {error.strerror}. Choose another port with --port.") from None
