"""Reads anew what was written down under a former canonical form, and keeps former forms for what cannot be.

Whoever changes a canonical form raises `CANONICAL_VERSION` and puts what it was into `FORMER_FORMS`. Of people who were
erased at their wish there is only a keyed hash of an identifier in the form of that day, which nothing can read anew;
and only the former form tells which former identifier was made of an address that was sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from clodura_pipeline.clodura.identifiers import IDENTIFIER_FIELDS, Identifiers
from clodura_pipeline.identity.canonical import with_canonical_ids


@dataclass(frozen=True)
class FormerForm:
    """What `profile_id`, `email_id` and `name_id` (of first name, last name, organisation, its page) once were."""

    profile_id: Callable[[str], str | None]
    email_id: Callable[[str], str | None]
    name_id: Callable[[str | None, str | None, str | None, str | None], str | None]


FORMER_FORMS: tuple[FormerForm, ...] = ()


def read_anew(spellings: Sequence[Identifiers]) -> list[tuple[str | None, str | None, str | None]]:
    """Today's canonical profile, address and name at a company for each, None where there is none."""
    cells = {name: [getattr(spelling, name) for spelling in spellings] for name in IDENTIFIER_FIELDS}
    frame = pl.DataFrame(cells, schema=dict.fromkeys(IDENTIFIER_FIELDS, pl.String))
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias("organisation_domain"))
    return with_canonical_ids(frame).select("profile_id", "email_id", "name_id").rows()


def spelling_of(identifier: str) -> Identifiers | None:
    """A former identifier as something that can be read anew; None where too little of what it was made of is left.

    A profile and an address are spellings of themselves. A name at a company is not: words ran together, accents and
    legal forms are gone.
    """
    if identifier.startswith("li:"):
        return Identifiers(linkedin_url=f"linkedin.com/in/{identifier.removeprefix('li:')}")
    return Identifiers(email=identifier.removeprefix("em:")) if identifier.startswith("em:") else None


def former_profiles(address: str) -> list[str]:
    """What a profile's address was in every former form that took it for one."""
    return [profile for form in FORMER_FORMS if (profile := form.profile_id(address)) is not None]


def former_addresses(address: str) -> list[str]:
    """What an e-mail address was in every former form that took it for a personal one."""
    return [email for form in FORMER_FORMS if (email := form.email_id(address)) is not None]


def former_names(spelling: Identifiers) -> list[str]:
    """What a name at a company was in every former form that took it for one."""
    given = (
        spelling.first_name,
        spelling.last_name,
        spelling.organisation_name,
        spelling.organisation_linkedin_url,
    )
    return [name for form in FORMER_FORMS if (name := form.name_id(*given)) is not None]
