"""`clodura-pipeline sandbox`: the stand-in for Clodura's API, in a process of its own."""

from typing import get_args

import click

from clodura_pipeline.sandbox import DEFAULT_API_KEY, EFFECTS, Fault, FaultKind, SandboxOptions, run_sandbox
from clodura_pipeline.sandbox.options import CreditsShape, Envelope, MissStyle

_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
_NOT_NEGATIVE = click.IntRange(min=0)


class FaultType(click.ParamType):
    """`KIND` or `KIND:SHARE`."""

    name = "KIND[:SHARE]"

    def convert(self, value: str | Fault, param: click.Parameter | None, ctx: click.Context | None) -> Fault:
        """The fault that the text names."""
        if isinstance(value, Fault):
            return value
        kind, _, share = value.partition(":")
        if kind not in _KINDS:
            self.fail(f"there is no fault {kind!r}; there are: {', '.join(_KINDS)}", param, ctx)
        try:
            return Fault(kind, share=float(share or 1))
        except ValueError:
            self.fail(f"the share in {value!r} must be a number from 0 to 1", param, ctx)


def _show_faults(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if asked:
        width = max(map(len, EFFECTS))
        for kind, effect in EFFECTS.items():
            click.echo(f"{kind:<{width}}  {effect.says}")
        ctx.exit()


@click.command(context_settings={"show_default": True})
@click.option("--port", type=click.IntRange(0, 65535), default=8900, help="Port on 127.0.0.1; 0: any free one.")
@click.option("--api-key", default=DEFAULT_API_KEY, help="The one key that is accepted.")
@click.option("--balance", type=_NOT_NEGATIVE, default=10_000, help="Credits at the start.")
@click.option("--latency-seconds", type=click.FloatRange(min=0), default=0.15, help="From a request to its answer.")
@click.option("--requests-per-second", type=_NOT_NEGATIVE, default=10, help="More gets 429; 0: no limit.")
@click.option("--requests-per-minute", type=_NOT_NEGATIVE, default=100, help="More gets 429; 0: no limit.")
@click.option("--requests-per-day", type=_NOT_NEGATIVE, default=2000, help="More gets 409; 0: no limit.")
@click.option(
    "--envelope", type=click.Choice(get_args(Envelope)), default="object", help="Where the contact stands in an answer."
)
@click.option(
    "--miss-style", type=click.Choice(get_args(MissStyle)), default="empty_object", help="How a miss is said."
)
@click.option(
    "--credits-shape", type=click.Choice(get_args(CreditsShape)), default="pool", help="What GET /credits answers."
)
@click.option("--fault", "faults", type=FaultType(), multiple=True, help="What goes wrong, for a share of the calls.")
@click.option(
    "--list-faults", is_flag=True, is_eager=True, expose_value=False, callback=_show_faults, help="Show the faults."
)
def sandbox(port: int, api_key: str, balance: int, faults: tuple[Fault, ...], **switches: int | float | str) -> None:
    """Start the stand-in for Clodura's API and serve until Ctrl-C.

    To ask it, set CLODURA_BASE_URL to its address and CLODURA_API_KEY to its key, and give it a ledger and a database
    of its own (CLODURA_STATE_DIR, CLODURA_DATABASE): answers of the two are never mixed.

    It knows more switches than these, and takes them while it runs: see /_sandbox/help at its address.
    """
    options = SandboxOptions(api_key=api_key, starting_balance=balance, faults=faults).patched(switches)
    try:
        run_sandbox(port, options)
    except OSError as error:
        raise click.ClickException(f"The sandbox {error.strerror}. Choose another port with --port.") from None
