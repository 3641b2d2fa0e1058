"""A table's definition: what a row of it is, and each column's type and meaning; columns that several tables share."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Column:
    """A column: name, DuckDB type, what it means."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table: name, what a row of it is, its columns in order."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)

    def ddl(self) -> str:
        """The column definitions for CREATE TABLE."""
        return ", ".join(f'"{column.name}" {column.type}' for column in self.columns)


def table(name: str, meaning: str, *lines: str) -> Table:
    """A table from lines of `name TYPE meaning`."""
    parsed = [line.split(maxsplit=2) for text in lines for line in text.strip().splitlines()]
    return Table(name, meaning, tuple(Column(*parts) for parts in parsed))


def quoted(text: str | Path) -> str:
    """Text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


# Columns that several tables share, as lines of `name TYPE meaning`.
PLACE = """
file_date DATE day the file belongs to (its partition)
source_file VARCHAR path of the file below the contacts folder
source_row BIGINT position of the record in the file, counted from 1 below the header
"""
CONTACT = """
source VARCHAR name of the list: the file name without date and ending
contact_id VARCHAR id of the contact in its files, verbatim; derived from its identifiers where they have none
"""
CLEANED = """
first_name VARCHAR first name, cleaned
last_name VARCHAR last name, cleaned
email VARCHAR e-mail address, cleaned
linkedin_url VARCHAR LinkedIn profile in its canonical form
organisation_name VARCHAR name of the company, cleaned
organisation_linkedin_url VARCHAR LinkedIn page of the company in its canonical form
"""
ANSWER = """
clodura_person_id VARCHAR Clodura's id of the person
matched_first_name VARCHAR first name by Clodura
matched_last_name VARCHAR last name by Clodura
matched_linkedin_url VARCHAR LinkedIn profile by Clodura
job_title VARCHAR current job title
department VARCHAR department or functional area; several are joined with ', '
seniority VARCHAR seniority; several are joined with ', '
city VARCHAR city of the person
state VARCHAR state of the person
country VARCHAR country of the person
organisation_id VARCHAR Clodura's id of the organisation
matched_organisation_name VARCHAR name of the organisation by Clodura
organisation_domain VARCHAR domain of the organisation by Clodura
organisation_industry VARCHAR industry of the organisation
organisation_employee_size VARCHAR number or range of employees, as Clodura states it
organisation_revenue VARCHAR revenue, as Clodura states it
organisation_employees_min BIGINT least number of employees by organisation_employee_size
organisation_employees_max BIGINT greatest number of employees; NULL: open-ended
organisation_revenue_min BIGINT least revenue by organisation_revenue
organisation_revenue_max BIGINT greatest revenue; NULL: open-ended
organisation_founded_year INTEGER year the organisation was founded
organisation_phone VARCHAR board line numbers; several are joined with ', '
organisation_city VARCHAR city of the organisation
organisation_state VARCHAR state of the organisation
organisation_country VARCHAR country of the organisation
"""
