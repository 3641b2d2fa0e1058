"""Reads the file of those who are never asked: e-mail addresses, LinkedIn profiles and domains, one a line."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from clodura_pipeline.identity.cells.companies import domain_of
from clodura_pipeline.identity.cells.emails import EmailKind, ascii_domain, read_email
from clodura_pipeline.identity.cells.linkedin import LinkedInKind, profile_id, read_linkedin

_COMMENT = re.compile(r"(?:^|\s)#.*$")


class SuppressionProblem(Exception):
    """The suppression file cannot be used; the message says which line, and never what stands in it."""


@dataclass(frozen=True, repr=False)
class Suppression:
    """Who is never asked. `identifiers`: canonical ones. `addresses`: role addresses, which identify nobody.

    `domains`: of e-mail addresses and company websites, their sub-domains included.
    """

    identifiers: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.identifiers or self.addresses or self.domains)

    @property
    def version(self) -> str:
        """Equal for equal lists; tells nothing about who is on it."""
        listed = "\n".join(sorted(self.identifiers) + sorted(self.addresses) + sorted(self.domains))
        return blake2b(listed.encode(), digest_size=12).hexdigest()

    def covers(self, domain: str) -> bool:
        """Whether a domain, or one that it is part of, is listed."""
        labels = (ascii_domain(domain) or "").split(".")
        return any(".".join(labels[start:]) in self.domains for start in range(len(labels)))


def read_suppression(path: Path) -> Suppression:
    """The list in a file.

    Raises:
        SuppressionProblem: it cannot be read, or a line is none of the three.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SuppressionProblem(
            f"The suppression file {path} cannot be read: {error.strerror}. Nobody is asked without it: mend it, or "
            "take CLODURA_SUPPRESSION_FILE away."
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SuppressionProblem(f"{path}, line {line}: is not UTF-8. Save the file as UTF-8.") from None
    found: dict[str, set[str]] = {"identifiers": set(), "addresses": set(), "domains": set()}
    for number, line in enumerate(text.splitlines(), start=1):
        entry = _COMMENT.sub("", line).strip()
        if entry:
            kind, value = _read_entry(entry) or (None, None)
            if kind is None or value is None:
                raise SuppressionProblem(
                    f"{path}, line {number}: holds neither one e-mail address, nor one LinkedIn profile of a person, "
                    "nor one domain. Mend the line, or make it a comment with #."
                )
            found[kind].add(value)
    return Suppression(*(frozenset(values) for values in found.values()))


def personal_identifier(text: str) -> str | None:
    """The canonical identifier of one e-mail address or one LinkedIn profile; None where the text is neither."""
    kind, value = _read_entry(text.strip()) or (None, None)
    return value if kind == "identifiers" else None


def _read_entry(entry: str) -> tuple[str, str] | None:
    if re.search(r"[\s,;|]", entry):
        return None
    page = read_linkedin(entry)
    if page.kind is LinkedInKind.PERSON and not page.several:
        identifier = profile_id(entry)
        return ("identifiers", identifier) if identifier else None
    if page.kind is not LinkedInKind.NOT_LINKEDIN:
        return None
    if "@" in entry[1:]:
        email = read_email(entry)
        if email.identifier and not email.several:
            return "identifiers", email.identifier
        unnamed = email.kind in (EmailKind.ROLE, EmailKind.DISPOSABLE) and not email.several
        return ("addresses", email.address) if unnamed and email.address else None
    domain = domain_of(entry) or ascii_domain(entry.removeprefix("@"))  # also of a free mail provider, if so wished
    return ("domains", domain) if domain else None
