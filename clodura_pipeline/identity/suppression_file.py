"""Reads the suppression file: e-mail addresses, LinkedIn profiles and domains never to call for, one a line."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import polars as pl

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.identity.cells.companies import domain_of
from clodura_pipeline.identity.cells.emails import ascii_domain, read_emails
from clodura_pipeline.identity.cells.linkedin import pages_in

_COMMENT = re.compile(r"(?:^|\s)#.*$")


class SuppressionFileError(UserFixableError):
    """The suppression file cannot be used; the message says which line, and never what it holds."""


@dataclass(frozen=True, repr=False)
class Suppression:
    """People never to call for, by `identifiers` (canonical), `addresses` (of roles) and `domains`.

    Domains are those of e-mail addresses and company websites, their sub-domains included; those that are not in ASCII
    stand there twice, in both forms.
    """

    identifiers: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.identifiers or self.addresses or self.domains)

    @property
    def version(self) -> str:
        """A hash of the list: equal for equal lists."""
        listed = "\n".join(sorted(self.identifiers) + sorted(self.addresses) + sorted(self.domains))
        return blake2b(listed.encode(), digest_size=12).hexdigest()

    def covers(self, domain: str) -> bool:
        """Whether a domain, in any spelling, or one that it is part of, is listed."""
        labels = (ascii_domain(domain) or "").split(".")
        return any(".".join(labels[start:]) in self.domains for start in range(len(labels)))


def read_suppression(path: Path) -> Suppression:
    """The list in a file.

    Raises:
        SuppressionFileError: it cannot be read, or a line is none of the three.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SuppressionFileError(
            f"The suppression file {path} cannot be read: {error.strerror}. No calls are made without it. Fix the "
            "file, or remove CLODURA_SUPPRESSION_FILE."
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SuppressionFileError(f"{path}, line {line}: the line is not UTF-8. Save the file as UTF-8.") from None
    found: dict[str, set[str]] = {"identifiers": set(), "addresses": set(), "domains": set()}
    for number, line in enumerate(text.splitlines(), start=1):
        if entry := _COMMENT.sub("", line).strip():
            kind, values = _read_entry(entry)
            if not values:
                raise SuppressionFileError(
                    f"{path}, line {number}: no single e-mail address, LinkedIn profile or domain. No calls are made "
                    "with a list that cannot be read. Fix the line, or make it a comment with #."
                )
            found[kind] |= values
    return Suppression(*(frozenset(values) for values in found.values()))


def personal_identifier(text: str) -> str | None:
    """The canonical identifier of one e-mail address or one LinkedIn profile; None where the text is neither."""
    kind, values = _read_entry(text.strip())
    return next(iter(values), None) if kind == "identifiers" else None


def _read_entry(entry: str) -> tuple[str, set[str]]:
    """What one line is, `identifiers`, `addresses` or `domains`, and its canonical form; none where it is neither."""
    if re.search(r"[\s,;|]", entry):
        return "", set()
    pages = set(pages_in(entry))
    if pages != {"not_linkedin"}:
        return "identifiers", pages if len(pages) == 1 and min(pages).startswith("li:") else set()
    if "@" in entry[1:]:
        kind, address, identifier = read_emails(pl.Series([entry])).select("kind", "address", "identifier").row(0)
        if identifier:
            return "identifiers", {identifier}
        return "addresses", {address} if kind in ("role", "disposable") else set()
    domain = domain_of(entry) or ascii_domain(entry.removeprefix("@"))  # a free mail provider's too, if it is listed
    return "domains", {domain} if domain else set()
