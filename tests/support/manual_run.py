"""A run whose calls the test permits and settles by hand."""

from typing import Literal

from clocks import FakeClock
from requests_of_tests import request_for

from clodura_pipeline.clodura.answers.reader import Enrichment, Found, Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import Next, RawAnswer, State, Verdict
from clodura_pipeline.ledger import Decision, Ledger, Permit
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy, Run

UNLIMITED = Limits(0, 0, 0)
FREE = Policy(UNLIMITED, Budget(0))
READER_VERSION = "1"
NAMELESS = Enrichment(Found.PERSON, Person(), Organisation(), None)
VERDICTS = {
    "person": Verdict(State.PERSON, "ok", Next.GO_ON, 2, cost_basis="content", enrichment=NAMELESS),
    "organisation": Verdict(State.ORGANISATION, "ok", Next.GO_ON, 1, cost_basis="content"),
    "no_match": Verdict(State.NO_MATCH, "ok", Next.GO_ON, 0, cost_basis="content"),
    "refused": Verdict(State.REFUSED, "invalid_combination", Next.GO_ON),
    "ambiguous": Verdict(State.AMBIGUOUS, "timeout", Next.GO_ON, at_risk_credits=2, cost_basis="doubt"),
    "unrecognised": Verdict(State.UNRECOGNISED, "not JSON", Next.GO_ON, at_risk_credits=2, cost_basis="doubt"),
    "unavailable": Verdict(State.NOT_PROCESSED, "unavailable", Next.TRY_AGAIN_LATER),
    "already_enriched": Verdict(State.NOT_PROCESSED, "already_enriched", Next.SET_ASIDE),
    "day_closed": Verdict(State.NOT_PROCESSED, "daily_limit", Next.STOP_DAY_CLOSED),
    "rate_limited": Verdict(State.NOT_PROCESSED, "rate_limited", Next.SLOW_DOWN),
}
Strength = Literal["linkedin", "email"]


class ManualRun:
    """One run on a ledger, call by call. A person is a name: their e-mail address, and their profile on demand."""

    def __init__(
        self,
        ledger: Ledger,
        clock: FakeClock,
        run_id: str = "run",
        policy: Policy = FREE,
        cap_scope: str | None = None,
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self.policy = policy
        self.run = ledger.start_run(Run(run_id, cap_scope or run_id, policy.budget.per_run_credits))

    def new_run(self, run_id: str, policy: Policy | None = None, cap_scope: str | None = None) -> "ManualRun":
        """Another run on the same ledger."""
        return ManualRun(self.ledger, self.clock, run_id, policy or self.policy, cap_scope)

    def request(self, name: str, strength: Strength = "email") -> EnrichmentRequest:
        """A request about a person."""
        email = f"{name}@x.example"
        if strength == "linkedin":
            return request_for(Identifiers(linkedin_url=f"https://linkedin.com/in/{name}", email=email))
        return request_for(Identifiers(email=email))

    def permit(self, name: str | EnrichmentRequest, strength: Strength = "email") -> Decision:
        """What the ledger decides on a call for a person."""
        request = self.request(name, strength) if isinstance(name, str) else name
        return self.ledger.permit(request, self.run, self.policy)

    def permitted(self, name: str | EnrichmentRequest, strength: Strength = "email") -> Permit:
        """The permit of a call that must be permitted."""
        decision = self.permit(name, strength)
        assert isinstance(decision, Permit), decision
        return decision

    def settle(
        self, permit: Permit, verdict: str | Verdict, date_header: str | None = None, body: bytes = b"{}"
    ) -> int:
        """Settle a call as one of `VERDICTS`, or as given; the number of 429s in a row."""
        judged = VERDICTS[verdict] if isinstance(verdict, str) else verdict
        raw = None if judged.state is State.AMBIGUOUS else RawAnswer(200, body, date=date_header)
        return self.ledger.settle(permit.attempt_id, judged, raw, self.policy, READER_VERSION)

    def call(
        self,
        name: str | EnrichmentRequest,
        verdict: str | Verdict,
        strength: Strength = "email",
        body: bytes = b"{}",
    ) -> int:
        """Permit a call and settle it at once; the attempt's id."""
        permit = self.permitted(name, strength)
        self.settle(permit, verdict, body=body)
        return permit.attempt_id
