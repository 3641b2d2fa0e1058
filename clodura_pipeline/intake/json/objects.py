"""Finds the contacts of a JSON file that is one object: a list in it, columns, or an object for each key."""

from typing import Any

from clodura_pipeline.intake.header_row import Spellings
from clodura_pipeline.intake.json.flat import Object
from clodura_pipeline.intake.json.nesting import Nesting, is_people_list
from clodura_pipeline.intake.landed_rows import UnreadableFile

_KEY = "object_key"


def lists_of_contacts(content: Any, spellings: Spellings) -> list[tuple[str, list[Any]]]:
    """The lists to read, with their place; none where the object is a contact itself, or has no list of any."""
    nesting = Nesting(spellings)
    if not isinstance(content, dict) or nesting.is_person(content):
        return []
    lists = nesting.lists_in(content)
    people = [(path, listed) for path, listed in lists if is_people_list(path)]
    others = [path for path, listed in lists if not is_people_list(path) and nesting.may_be_people(path, listed)]
    if (people and others) or (not people and len(lists) > 1):
        raise UnreadableFile(
            f"holds {len(lists)} lists of contacts ({', '.join(path for path, _ in lists)}); keep one in a file"
        )
    return people or lists


def values_by_key(content: Any, spellings: Spellings) -> list[Object]:
    """The records of an object that holds one under each key, with the key beside them.

    A key may be an id or only a number in order, so it is no contact's id; a key without a digit is rather a name of a
    part of one record.
    """
    if not isinstance(content, dict) or not content or not all(isinstance(one, dict) for one in content.values()):
        return []
    nesting = Nesting(spellings)
    keyed = all(any(letter.isdigit() for letter in key) and "@" not in key for key in content)
    if not keyed or nesting.usable([content]) or not nesting.usable(list(content.values())):
        return []
    return [{**one, _KEY: key} for key, one in content.items()]
