"""Loads the word lists of `identity/word_lists/*.toml`.

They are part of the canonical forms and kept here, not taken from packages (cleanco, for one), because an identifier
must not change by an upgrade of a package. The one exception is the list of disposable domains, see `emails.py`.
"""

import tomllib
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent.parent / "word_lists"
_FILES = [tomllib.loads(path.read_text("utf-8")) for path in _FOLDER.glob("*.toml")]
_LISTS: dict[str, Any] = {name: words for file in _FILES for name, words in file.items()}
assert len(_LISTS) == sum(map(len, _FILES)), "two word lists have the same name"


def _words(name: str) -> frozenset[str]:
    return frozenset(_LISTS[name].split())


def _phrases(name: str) -> frozenset[str]:
    """Phrases of several words, separated by `|`."""
    return frozenset(" ".join(phrase.split()) for phrase in _LISTS[name].split("|"))


PLACEHOLDERS = _words("placeholders") | _words("spreadsheet_errors")
EXACT_PLACEHOLDERS = _words("exact")
NAMES_LIKE_PLACEHOLDERS = frozenset(word.capitalize() for word in _words("names_too"))
MONTHS = _words("months")
PLACEHOLDER_SLUGS = _words("slugs")
PLACEHOLDER_PERSON_SLUGS = _words("person_slugs")

ROLE_WORDS = _words("role_words")
LEADING_ROLE_WORDS = _words("leading_role_words")
ROLE_ENDINGS = _words("role_endings")
REGIONS = _words("regions")
NO_ADDRESS_WORDS = _words("no_address_words")
TEMPLATE_LOCALS = _words("template_locals")
TEMPLATE_DOMAINS = _words("template_domains")
FREE_MAIL_DOMAINS = _words("free_mail_domains")

TITLES = _words("titles")
TITLE_PARTS = _words("title_parts")
CREDENTIALS_ANYWHERE = _words("credentials_anywhere")
CREDENTIALS = CREDENTIALS_ANYWHERE | _words("credentials_after_comma")
GENERATIONS: dict[str, str] = _LISTS["generations"]
NICKNAMES: dict[str, str] = _LISTS["nicknames"]
COMPANY_ENDINGS = _words("company_endings")
SURNAMES_LIKE_ENDINGS = _words("surnames_like_endings")
STAND_INS = _phrases("stand_ins")
STAND_INS_TWICE = _words("stand_ins_twice")
FUNCTION_FIRST_WORDS = _words("function_first_words")
FUNCTION_LAST_WORDS = _words("function_last_words")

SOCIAL_HOSTS = _words("social_hosts")
LEGAL_FORMS = _phrases("legal_forms")
LEADING_FORMS = _words("leading_forms")
CJK_FORMS = _words("cjk_forms")
NO_COMPANY = _words("no_company")
NO_COMPANY_BEGINNINGS = _phrases("no_company_beginnings")
