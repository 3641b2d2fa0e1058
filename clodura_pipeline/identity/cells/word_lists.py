"""Loads the word lists of `identity/word_lists/*.toml`.

They are part of the canonical forms and kept here, not taken from packages (cleanco, for one), because an identifier
must not change by an upgrade of a package. The one exception is the list of disposable domains, see `emails.py`.
"""

import tomllib
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent.parent / "word_lists"


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    """Phrases of several words, separated by `|`."""
    return frozenset(" ".join(phrase.split()) for phrase in text.split("|"))


_placeholders = _load("placeholders")
PLACEHOLDERS = _words(_placeholders["placeholders"]) | _words(_placeholders["spreadsheet_errors"])
EXACT_PLACEHOLDERS = _words(_placeholders["exact"])
NAMES_LIKE_PLACEHOLDERS = frozenset(word.capitalize() for word in _words(_placeholders["names_too"]))
MONTHS = _words(_placeholders["months"])
PLACEHOLDER_SLUGS = _words(_placeholders["slugs"])
PLACEHOLDER_PERSON_SLUGS = _words(_placeholders["person_slugs"])

_mailboxes = _load("mailboxes")
ROLE_WORDS = _words(_mailboxes["role_words"])
LEADING_ROLE_WORDS = _words(_mailboxes["leading_role_words"])
ROLE_ENDINGS = _words(_mailboxes["role_endings"])
REGIONS = _words(_mailboxes["regions"])
NO_ADDRESS_WORDS = _words(_mailboxes["no_address_words"])
TEMPLATE_LOCALS = _words(_mailboxes["template_locals"])
TEMPLATE_DOMAINS = _words(_mailboxes["template_domains"])
FREE_MAIL_DOMAINS = _words(_mailboxes["free_mail_domains"])

_names = _load("names")
TITLES = _words(_names["titles"])
TITLE_PARTS = _words(_names["title_parts"])
CREDENTIALS_ANYWHERE = _words(_names["credentials_anywhere"])
CREDENTIALS = CREDENTIALS_ANYWHERE | _words(_names["credentials_after_comma"])
GENERATIONS: dict[str, str] = _names["generations"]
NICKNAMES: dict[str, str] = _names["nicknames"]
COMPANY_ENDINGS = _words(_names["company_endings"])
SURNAMES_LIKE_ENDINGS = _words(_names["surnames_like_endings"])
STAND_INS = _phrases(_names["stand_ins"])
STAND_INS_TWICE = _words(_names["stand_ins_twice"])
FUNCTION_FIRST_WORDS = _words(_names["function_first_words"])
FUNCTION_LAST_WORDS = _words(_names["function_last_words"])

_companies = _load("companies")
SOCIAL_HOSTS = _words(_companies["social_hosts"])
LEGAL_FORMS = _phrases(_companies["legal_forms"])
LEADING_FORMS = _words(_companies["leading_forms"])
CJK_FORMS = _words(_companies["cjk_forms"])
NO_COMPANY = _words(_companies["no_company"])
NO_COMPANY_BEGINNINGS = _phrases(_companies["no_company_beginnings"])
