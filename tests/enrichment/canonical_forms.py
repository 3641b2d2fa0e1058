"""Two canonical forms: today's, and a previous one that told apart what today's knows to be one spelling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asking_process import FILE_DATE
from ledger_helpers import UNLIMITED

from clodura_pipeline.clodura.client import ClientSettings
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.enrichment.dispatcher import Outcome
from clodura_pipeline.enrichment.session import RunIdentity, open_session
from clodura_pipeline.identity import rereading
from clodura_pipeline.identity.canonical import profile_id
from clodura_pipeline.identity.rereading import FormerForm
from clodura_pipeline.ledger import CanonicalForm, Ledger
from clodura_pipeline.ledger.rules.clock import Clock, SystemClock
from clodura_pipeline.ledger.rules.policy import Budget, Policy
from clodura_pipeline.ledger.rules.requests import Question
from clodura_pipeline.sandbox import DEFAULT_API_KEY

POLICY = Policy(UNLIMITED, Budget(0), timeout_seconds=5.0, max_workers=8)


def previous_profile(address: str) -> str | None:
    """As written behind `/in/`: with its case, its percent-escapes and its language."""
    host, _, slug = address.partition("?")[0].partition("/in/")
    return f"li:{slug.strip('/')}" if "linkedin." in host and slug.strip("/") else None


def previous_address(address: str) -> str | None:
    """As written, in lower case: with its tag, and with the dots that Gmail does not see."""
    return f"em:{address.strip().lower()}" if "@" in address else None


def previous_name(first: str | None, last: str | None, organisation: str | None, page: str | None) -> str | None:
    """With accents and the company's legal form."""
    company = page or organisation
    return f"nc:{first}|{last}|{company}".lower() if first and last and company else None


PREVIOUS_FORM = FormerForm(previous_profile, previous_address, previous_name)


def _previous_ids(spelling: Identifiers) -> tuple[str | None, str | None, str | None]:
    names = (spelling.first_name, spelling.last_name, spelling.organisation_name, spelling.organisation_linkedin_url)
    return previous_profile(spelling.linkedin_url or ""), previous_address(spelling.email or ""), previous_name(*names)


@dataclass(frozen=True)
class Form:
    """A canonical form as a program has it: what the ledger is opened with, and how people are registered."""

    handed_in: CanonicalForm
    profile_of: Callable[[str], str | None]

    def open(self, path: Path, clock: Clock | None = None) -> Ledger:
        """The ledger, opened by a program of this form."""
        return Ledger(path, clock or SystemClock(), self.profile_of, self.handed_in)

    def questions(
        self, ledger: Ledger, people: Sequence[Identifiers], in_conflict: Sequence[str] = ()
    ) -> list[Question]:
        """Register people by profile and address, else by name, and what each is asked by."""
        pairs = []
        for place, ids in enumerate(self.handed_in.read(people)):
            profile, address, name = ids
            told = [each for each in (profile, address) if each] or [name or ""]
            pairs += [(str(place), each) for each in told if each not in in_conflict]
        keys = ledger.register(pairs, in_conflict)
        return [Question(keys[str(place)], person, FILE_DATE, "people.csv") for place, person in enumerate(people)]

    def ask(self, path: Path, base_url: str, people: Sequence[Identifiers], run_id: str) -> list[Outcome]:
        """A whole run by the real loop; the outcomes in the order of the people."""
        settings = ClientSettings(base_url, DEFAULT_API_KEY, POLICY.timeout_seconds, POLICY.max_workers)
        clock = SystemClock()
        with self.open(path, clock) as ledger:
            questions = self.questions(ledger, people)
            identity = RunIdentity(run_id, run_id, 0)
            with open_session(ledger, settings, identity, POLICY, clock) as session:
                found = {each.question.identifiers: each for each in session.ask([questions], lambda: None, 1.0)}
        return [found[person] for person in people]


PREVIOUS = Form(CanonicalForm(0, lambda spellings: [_previous_ids(each) for each in spellings]), previous_profile)
TODAY = Form(
    CanonicalForm(1, rereading.read_anew, rereading.spelling_of, rereading.former_profiles, rereading.former_addresses),
    profile_id,
)
