"""The cells of a landed row, and one module for each kind: e-mail addresses, LinkedIn profiles, names, companies."""

LANDED_COLUMNS = (
    "contact_id",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "linkedin_url",
    "organisation_name",
    "organisation_linkedin_url",
    "organisation_domain",
)
