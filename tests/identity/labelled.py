"""A made-up contact list of which it is known who is who: some thousands of rows, grouped by the kind of trap they are.

Every row carries `truth` (the person) and `trap` (the kind). Nothing in it is anybody's data.
"""

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import polars as pl

FIRST = "Ann Bob Carla Dmitri Élodie Farid Grace Hans Ingrid José Kofi Lena Mário Nadia Owen Priya Quinn Rosa Søren Tao"
LAST = "Lee Ray Núñez Müller O'Neil Okafor Smith Šimek Tanaka Ueda Varga Weiß Xu Yilmaz Zhou Brown Costa Dahl Evans Fox"
COMPANIES = (
    "Acme Globex Initech Umbrella Hooli Vandelay Stark Wayne Wonka Tyrell Cyberdyne Soylent Massive Oscorp Dunder"
)
LEGAL_FORMS = ("", " GmbH", ", Inc.", " Ltd", " S.A.", " B.V.", " LLC")
PROFILES = (
    "https://www.linkedin.com/in/{}",
    "linkedin.com/in/{}/",
    "http://de.linkedin.com/in/{}?trk=people",
    "https://www.linkedin.com/in/{}/en",
    "/in/{}",
    "<https://m.linkedin.com/in/{}>",
    "https://www.linkedin.com/redir/redirect?url=https%3A%2F%2Fwww.linkedin.com%2Fin%2F{}&urlhash=x",
)
Cells = dict[str, str]
Row = tuple[str, Cells]  # who it is, and what it says


class _People:
    """Makes people nobody else has the identifiers of."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.number = rng, 0

    def person(self, **fixed: str) -> Cells:
        """Names, a company, a slug and an address of somebody new."""
        self.number += 1
        first, last = self.rng.choice(FIRST.split()), self.rng.choice(LAST.split())
        made = {"first": first, "last": last, "company": f"{self.rng.choice(COMPANIES.split())} {self.number}"}
        made |= {
            "slug": f"{first}-{last}-{self.number}".lower().replace("'", ""),
            "mail": f"p{self.number}@firm{self.number}.eu",
        }
        return made | {"id": f"person-{self.number}"} | fixed

    def profile(self, who: Cells) -> Cells:
        slug, loud = who["slug"], who["slug"].upper()
        slug = loud if loud.lower() == slug and self.rng.random() < 0.3 else slug  # ß has no capital of its own
        return {"linkedin_url": self.rng.choice(PROFILES).format(slug)}

    def mail(self, who: Cells) -> Cells:
        local, domain = who["mail"].split("@")
        return {
            "email": self.rng.choice(
                (who["mail"], who["mail"].upper(), f"{local}+list@{domain}", f"Me <{who['mail']}>")
            )
        }

    def name(self, who: Cells) -> Cells:
        return {"first_name": who["first"], "last_name": who["last"]}

    def work(self, who: Cells) -> Cells:
        return {"organisation_name": who["company"] + self.rng.choice(LEGAL_FORMS)}


def _spellings(make: _People) -> Iterator[Row]:
    who = make.person()
    for _ in range(3):
        yield who["id"], make.profile(who) | make.name(who)
    yield who["id"], make.profile(who) | make.mail(who)
    yield who["id"], make.mail(who) | make.work(who)


def _names_only(make: _People) -> Iterator[Row]:
    who = make.person()
    yield who["id"], make.name(who) | make.work(who)
    yield who["id"], {"first_name": f"Dr. {who['first'].upper()}", "last_name": f"{who['last']}, MBA"} | make.work(who)
    yield who["id"], {"full_name": f"{who['last']}, {who['first']}"} | make.work(who)


def _namesakes_with_profiles(make: _People) -> Iterator[Row]:
    one = make.person()
    other = make.person(first=one["first"], last=one["last"], company=one["company"])
    for who in (one, other):
        yield who["id"], make.profile(who) | make.name(who) | make.work(who)
        yield who["id"], make.profile(who) | make.mail(who) | make.name(who) | make.work(who)
        yield who["id"], make.mail(who) | make.name(who) | make.work(who)


def _namesakes_with_addresses(make: _People) -> Iterator[Row]:
    one = make.person()
    other = make.person(first=one["first"], last=one["last"], company=one["company"])
    for who in (one, other):
        yield who["id"], make.mail(who) | make.name(who) | make.work(who)
        yield who["id"], make.mail(who) | make.name(who)


def _father_and_son(make: _People) -> Iterator[Row]:
    father = make.person()
    son = make.person(first=father["first"], last=father["last"], company=father["company"])
    for who, generation in ((father, "Sr."), (son, "Jr.")):
        yield who["id"], {"first_name": who["first"], "last_name": f"{who['last']} {generation}"} | make.work(who)
        yield who["id"], {"first_name": who["first"], "last_name": f"{who['last']}, {generation[:2]}"} | make.work(who)


def _role_mailbox(make: _People) -> Iterator[Row]:
    company = make.person()
    role = make.rng.choice(("info", "sales", "office", "support", "kontakt"))
    box = {"email": f"{role}@{company['mail'].split('@')[1]}"}
    for first in make.rng.sample(FIRST.split(), 3):
        who = make.person(company=company["company"], first=first)
        yield who["id"], make.profile(who) | box
        yield who["id"], make.profile(who) | make.name(who) | box
        yield who["id"], make.name(who) | make.work(who) | box


def _shared_mailbox(make: _People) -> Iterator[Row]:
    one = make.person()
    other = make.person(mail=one["mail"], company=one["company"])
    for who in (one, other):
        yield who["id"], make.profile(who) | make.mail(who) | make.name(who)
        yield who["id"], make.profile(who) | make.name(who)
    yield f"mailbox of {one['id']}", make.mail(one)  # whose it is nobody can tell
    yield f"mailbox of {one['id']}", make.mail(one) | make.work(one)


def _changed_surname(make: _People) -> Iterator[Row]:
    before = make.person()
    after = before | {"last": "Newlywed"}
    for who in (before, after):
        yield who["id"], make.profile(who) | make.name(who) | make.work(who)
        yield who["id"], make.mail(who) | make.profile(who) | make.name(who)
        yield who["id"], make.mail(who) | make.name(who)
        yield who["id"], make.name(who) | make.work(who)


def _moved_company(make: _People) -> Iterator[Row]:
    before = make.person()
    after = make.person(id=before["id"], first=before["first"], last=before["last"], slug=before["slug"])
    for who in (before, after):
        yield who["id"], make.profile(who) | make.mail(who) | make.name(who) | make.work(who)
        yield who["id"], make.mail(who) | make.name(who) | make.work(who)
        yield who["id"], make.name(who) | make.work(who)


def _swapped_names(make: _People) -> Iterator[Row]:
    who = make.person()
    swapped = who | {"first": who["last"], "last": who["first"]}
    stranger = make.person(first=who["last"], last=who["first"], company=who["company"])
    for row in (who, swapped):
        yield who["id"], make.profile(row) | make.name(row)
        yield who["id"], make.profile(row) | make.mail(row) | make.name(row) | make.work(row)
    yield who["id"], make.name(who) | make.work(who)
    yield stranger["id"], make.name(stranger) | make.work(stranger)


def _reused_ids(make: _People) -> Iterator[Row]:
    for _ in range(2):  # number 17 is somebody else in the next list
        who = make.person()
        yield who["id"], make.mail(who) | make.name(who) | {"contact_id": "17"}
        yield who["id"], make.mail(who) | {"contact_id": "18"}


def _similar_slugs(make: _People) -> Iterator[Row]:
    one = make.person()
    for slug in (
        one["slug"],
        f"{one['slug']}-1",
        one["slug"].replace("-", ""),
        f"{one['slug']}é",
        f"{one['slug']}%2C1",
    ):
        who = make.person(first=one["first"], last=one["last"], company=one["company"], slug=slug)
        yield who["id"], {"linkedin_url": f"https://www.linkedin.com/in/{slug}"} | make.name(who) | make.work(who)
        yield who["id"], {"linkedin_url": f"linkedin.com/in/{slug}/?trk=x"}


def _similar_addresses(make: _People) -> Iterator[Row]:
    one = make.person()
    local, domain = one["mail"].split("@")
    for mail in (one["mail"], f"{local[0]}.{local[1:]}@{domain}", f"{local}@sub.{domain}", f"{local}@{domain}.de"):
        who = make.person(first=one["first"], last=one["last"], mail=mail)
        yield who["id"], make.mail(who) | make.name(who)
        yield who["id"], make.mail(who)


def _no_company(make: _People) -> Iterator[Row]:
    one = make.person()
    for nowhere in ("Freelance", "Self-employed", "n/a"):
        who = make.person(first=one["first"], last=one["last"])
        yield who["id"], make.mail(who) | make.name(who) | {"organisation_name": nowhere}
        yield who["id"], make.name(who) | {"organisation_name": nowhere}


def _growing_knowledge(make: _People) -> Iterator[Row]:
    who = make.person()
    yield who["id"], make.name(who) | make.work(who)
    yield who["id"], make.mail(who) | make.name(who) | make.work(who)
    yield who["id"], make.mail(who) | make.profile(who)
    yield who["id"], make.profile(who) | make.name(who)


TRAPS: dict[str, Callable[[_People], Iterator[Row]]] = {
    "spellings of one person": _spellings,
    "names only, spelt differently": _names_only,
    "namesakes at one company, by profile": _namesakes_with_profiles,
    "namesakes at one company, by address": _namesakes_with_addresses,
    "father and son at one company": _father_and_son,
    "role mailbox of colleagues": _role_mailbox,
    "mailbox shared by two profiles": _shared_mailbox,
    "changed surname": _changed_surname,
    "moved company": _moved_company,
    "swapped first and last name": _swapped_names,
    "contact ids reused across lists": _reused_ids,
    "similar slugs": _similar_slugs,
    "similar addresses": _similar_addresses,
    "people without a company": _no_company,
    "knowledge that grows": _growing_knowledge,
}


def labelled_contacts(groups: int = 60, seed: int = 7) -> pl.DataFrame:
    """Landed rows with `truth` and `trap`, shuffled over files and days; `groups` of each trap."""
    rng = random.Random(seed)
    make = _People(rng)
    rows = [
        (trap, who, cells) for trap, rows_of in TRAPS.items() for _ in range(groups) for who, cells in rows_of(make)
    ]
    rng.shuffle(rows)
    texts = "contact_id first_name last_name full_name email linkedin_url organisation_name"
    texts += " organisation_linkedin_url organisation_domain source_columns record"
    landed: list[dict[str, Any]] = []
    for number, (trap, who, cells) in enumerate(rows, 1):
        day = date(2026, 11, 1) + timedelta(days=rng.randrange(20))
        place = {
            "file_date": day,
            "source_file": f"{day}/list-{rng.randrange(4)}.csv",
            "source_row": number,
            "source": "list",
        }
        landed.append({**dict.fromkeys(texts.split()), **place, **cells, "trap": trap, "truth": who})
    return pl.DataFrame(landed, infer_schema_length=None).with_columns(pl.col(texts.split()).cast(pl.String))
