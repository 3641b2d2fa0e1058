"""Recognising headers: exports of the usual programs, people's own spellings, and what must not be mistaken."""

import tomllib
from pathlib import Path

import pytest

from clodura_pipeline.identity.cells import LANDED_COLUMNS
from clodura_pipeline.intake.headers.matching import match_headers
from clodura_pipeline.intake.headers.spellings import BUILT_IN, HANDLE, NAME_PARTS, BadSpellings, key_of, load_spellings

EXPORTS = {
    "our own names": (
        "contact_id,first_name,last_name,email,linkedin_url,organisation_name,organisation_linkedin_url",
        {name: name for name in LANDED_COLUMNS if name not in {"full_name", "organisation_domain"}},
    ),
    "HubSpot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Last Activity Date,Lead Status,"
        "Marketing contact status,Create Date,Associated Company IDs,Associated Company,Website URL,LinkedIn Bio",
        {
            "Record ID": "contact_id",
            "First Name": "first_name",
            "Last Name": "last_name",
            "Email": "email",
            "Associated Company": "organisation_name",
            "Website URL": "organisation_domain",
        },
    ),
    "HubSpot with companies": (
        "Record ID - Contact,First Name,Last Name,Email,Record ID - Company,Company name,Company Domain Name,"
        "LinkedIn Company Page,Company owner,LinkedIn URL",
        {
            "Record ID - Contact": "contact_id",
            "First Name": "first_name",
            "Last Name": "last_name",
            "Email": "email",
            "Company name": "organisation_name",
            "Company Domain Name": "organisation_domain",
            "LinkedIn Company Page": "organisation_linkedin_url",
            "LinkedIn URL": "linkedin_url",
        },
    ),
    "Salesforce report": (
        "Salutation,First Name,Last Name,Title,Account Name,Account Owner,Mailing Street,Phone,Email,Contact ID,"
        "Account ID,Email Opt Out,Contact Owner,Owner Email",
        {
            "First Name": "first_name",
            "Last Name": "last_name",
            "Account Name": "organisation_name",
            "Email": "email",
            "Contact ID": "contact_id",
        },
    ),
    "Salesforce data loader": (
        "Id,FirstName,LastName,Name,Email,Account.Name,Account.Website,AccountId,OwnerId,ReportsToId,LinkedIn__c",
        {
            "Id": "contact_id",
            "FirstName": "first_name",
            "LastName": "last_name",
            "Name": "full_name",
            "Email": "email",
            "Account.Name": "organisation_name",
            "Account.Website": "organisation_domain",
            "LinkedIn__c": "linkedin_url",
        },
    ),
    "Salesforce leads": (
        "Lead ID,First Name,Last Name,Company / Account,Email,Lead Source,Lead Status,Lead Owner,Website",
        {
            "Lead ID": "contact_id",
            "First Name": "first_name",
            "Last Name": "last_name",
            "Company / Account": "organisation_name",
            "Email": "email",
            "Website": "organisation_domain",
        },
    ),
    "LinkedIn connections": (
        "First Name,Last Name,URL,Email Address,Company,Position,Connected On",
        {
            "First Name": "first_name",
            "Last Name": "last_name",
            "URL": "linkedin_url",
            "Email Address": "email",
            "Company": "organisation_name",
        },
    ),
    "Pipedrive": (
        "Person - ID,Person - Name,Person - First name,Person - Last name,Person - Email - Work,Person - Email - Home,"
        "Person - Phone - Work,Person - Organization,Person - Owner,Organization - ID,Person - Label",
        {
            "Person - ID": "contact_id",
            "Person - Name": "full_name",
            "Person - First name": "first_name",
            "Person - Last name": "last_name",
            "Person - Email - Work": "email",
            "Person - Email - Home": "email",
            "Person - Organization": "organisation_name",
        },
    ),
    "Outlook": (
        "Title,First Name,Middle Name,Last Name,Suffix,Company,Department,Job Title,Business Street,Assistant's Name,"
        "E-mail Address,E-mail Type,E-mail Display Name,E-mail 2 Address,E-mail 2 Display Name,Manager's Name,Web Page",
        {
            "First Name": "first_name",
            "Middle Name": "first_name",
            "Last Name": "last_name",
            "Suffix": "last_name",
            "Company": "organisation_name",
            "E-mail Address": "email",
            "E-mail 2 Address": "email",
        },
    ),
    "Outlook in German": (
        "Anrede,Vorname,Weitere Vornamen,Nachname,Firma,Abteilung,Position,E-Mail-Adresse,E-Mail-Typ,E-Mail 2: Adresse",
        {
            "Vorname": "first_name",
            "Weitere Vornamen": "first_name",
            "Nachname": "last_name",
            "Firma": "organisation_name",
            "E-Mail-Adresse": "email",
            "E-Mail 2: Adresse": "email",
        },
    ),
    "Google Contacts": (
        "First Name,Middle Name,Last Name,Phonetic First Name,File As,Organization Name,Organization Title,Labels,"
        "E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value,Website 1 - Value",
        {
            "First Name": "first_name",
            "Middle Name": "first_name",
            "Last Name": "last_name",
            "File As": "full_name",
            "Organization Name": "organisation_name",
            "E-mail 1 - Value": "email",
            "E-mail 2 - Value": "email",
        },
    ),
    "Google Contacts before 2024": (
        "Name,Given Name,Additional Name,Family Name,Yomi Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value,"
        "Organization 1 - Type,Organization 1 - Name,Organization 1 - Title",
        {
            "Name": "full_name",
            "Given Name": "first_name",
            "Additional Name": "first_name",
            "Family Name": "last_name",
            "E-mail 1 - Value": "email",
            "Organization 1 - Name": "organisation_name",
        },
    ),
    "Apollo": (
        "First Name,Last Name,Title,Company,Company Name for Emails,Email,Email Status,Email Confidence,Seniority,"
        "Contact Owner,Person Linkedin Url,Website,Company Linkedin Url,Facebook Url,Secondary Email,Apollo Contact Id,"
        "Apollo Account Id",
        {
            "First Name": "first_name",
            "Last Name": "last_name",
            "Company": "organisation_name",
            "Email": "email",
            "Secondary Email": "email",
            "Person Linkedin Url": "linkedin_url",
            "Website": "organisation_domain",
            "Company Linkedin Url": "organisation_linkedin_url",
            "Apollo Contact Id": "contact_id",
        },
    ),
    "ZoomInfo": (
        "ZoomInfo Contact ID,Last Name,First Name,Email Address,LinkedIn Contact Profile URL,ZoomInfo Company ID,"
        "Company Name,Website,LinkedIn Company Profile URL",
        {
            "ZoomInfo Contact ID": "contact_id",
            "Last Name": "last_name",
            "First Name": "first_name",
            "Email Address": "email",
            "LinkedIn Contact Profile URL": "linkedin_url",
            "Company Name": "organisation_name",
            "Website": "organisation_domain",
            "LinkedIn Company Profile URL": "organisation_linkedin_url",
        },
    ),
    "German": (
        "Kontakt-ID;Vorname;Name;Firma;E-Mail;LinkedIn-Profil",
        {
            "Kontakt-ID": "contact_id",
            "Vorname": "first_name",
            "Name": "last_name",
            "Firma": "organisation_name",
            "E-Mail": "email",
            "LinkedIn-Profil": "linkedin_url",
        },
    ),
    "French": (
        "Nom;Prénom;Société;Adresse e-mail",
        {"Nom": "last_name", "Prénom": "first_name", "Société": "organisation_name", "Adresse e-mail": "email"},
    ),
    "Spanish": (
        "Nombre;Apellidos;Empresa;Correo electrónico",
        {
            "Nombre": "first_name",
            "Apellidos": "last_name",
            "Empresa": "organisation_name",
            "Correo electrónico": "email",
        },
    ),
    "an API's answer, laid flat": (
        "id,properties.firstname,properties.lastname,properties.email,properties.company,properties.hubspot_owner_id",
        {
            "id": "contact_id",
            "properties.firstname": "first_name",
            "properties.lastname": "last_name",
            "properties.email": "email",
            "properties.company": "organisation_name",
        },
    ),
}


def test_exports_are_understood_without_anybody_mapping_them() -> None:
    for program, (written, mapping) in EXPORTS.items():
        match = match_headers(written.split(";" if ";" in written else ","))
        assert match.mapping == mapping, program
        assert match.usable, program


SPELLINGS = [
    ("EMAIL", "email"),
    ("e-mail", "email"),
    ("  E_Mail  ", "email"),
    ("emailAddress", "email"),
    ("\ufeffEmail", "email"),
    ("E\u200bmail", "email"),
    ("Email*", "email"),
    ("Contact Email", "email"),
    ("Attendee: Email", "email"),
    ("firstname", "first_name"),
    ("First\nName", "first_name"),
    ("PRENOM", "first_name"),
    ("Pre\u0301nom", "first_name"),
    ("GivenName", "first_name"),
    ("LinkedIn", "linkedin_url"),
    ("Linked-In URL", "linkedin_url"),
    ("linkedinUrl", "linkedin_url"),
    ("company.name", "organisation_name"),
    ("Organization", "organisation_name"),
    ("Company Linkedin Url", "organisation_linkedin_url"),
    ("company.linkedin_url", "organisation_linkedin_url"),
    ("Company Domain Name", "organisation_domain"),
    ("Full Name", "full_name"),
    ("Contact Name", "full_name"),
    ("RecordId", "contact_id"),
    ("İsim", "first_name"),
    ("Имя", "first_name"),
]


def test_case_spacing_punctuation_and_accents_do_not_matter() -> None:
    for written, column in SPELLINGS:
        assert match_headers([written]).mapping == {written: column}


OTHER_HEADERS = [
    # forms
    ("First name (required)", "first_name"),
    ("Email (required)", "email"),
    ("Company (optional)", "organisation_name"),
    ("E-Mail (Pflichtfeld)", "email"),
    ("メールアドレス（必須）", "email"),
    ("Your Email", "email"),
    ("Your Name", "full_name"),
    ("Ihr Nachname", "last_name"),
    ("Company/Organization", "organisation_name"),
    ("Unternehmen/Institution", "organisation_name"),
    ("What is your work email?", "email"),
    ("What's your first name?", "first_name"),
    ("What company do you work for?", "organisation_name"),
    ("Please enter your email address below", "email"),
    ("Wie lautet Ihr Nachname?", "last_name"),
    ("Bitte geben Sie Ihre E-Mail-Adresse ein", "email"),
    ("Quelle est votre adresse e-mail ?", "email"),
    ("¿Cuál es tu correo electrónico?", "email"),
    # addresses
    ("Email (Primary)", "email"),
    ("Email Address (Work)", "email"),
    ("E-Mail (privat)", "email"),
    ("E-Mail dienstlich", "email"),
    ("E-mail pro", "email"),
    ("Correo corporativo", "email"),
    ("Invitee Email", "email"),
    ("Adresse de messagerie", "email"),
    ("Indirizzo posta elettronica", "email"),
    ("Endereço de correio eletrónico", "email"),
    ("E-Mail 2: Adresse", "email"),
    ("Sähköpostiosoite", "email"),
    ("E-posta adresi", "email"),
    ("hs_additional_emails", "email"),
    ("EMAIL;TYPE=work", "email"),
    # profiles
    ("LinkedIn URL Public", "linkedin_url"),
    ("social.linkedin", "linkedin_url"),
    ("publicIdentifier", "linkedin_url"),
    ("Perfil do LinkedIn", "linkedin_url"),
    # ids
    ("Datensatz-ID", "contact_id"),
    ("ID de registro", "contact_id"),
    ("ID do registro", "contact_id"),
    ("ID d'enregistrement", "contact_id"),
    ("ID du contact", "contact_id"),
    ("Id. del contacto", "contact_id"),
    ("_id.$oid", "contact_id"),
    # companies
    ("Zugeordnetes Unternehmen", "organisation_name"),
    ("Entreprise associée", "organisation_name"),
    ("Empresa asociada", "organisation_name"),
    ("Empresa associada", "organisation_name"),
    ("Nom du compte", "organisation_name"),
    ("Nombre de la cuenta", "organisation_name"),
    ("Org Name", "organisation_name"),
    ("org_name", "organisation_name"),
    ("org_id.name", "organisation_name"),
    ("parentcustomeridname", "organisation_name"),
    ("_parentcustomerid_value@OData.Community.Display.V1.FormattedValue", "organisation_name"),
    ("Account.Name", "organisation_name"),
    ("Default Address Company", "organisation_name"),
    # Japanese and Chinese
    ("氏名", "full_name"),
    ("姓名", "full_name"),
    ("姓", "last_name"),
    ("名", "first_name"),
    ("会社名", "organisation_name"),
    ("公司", "organisation_name"),
    ("メールアドレス", "email"),
    ("邮箱", "email"),
    ("电子邮件", "email"),
]


def test_forms_apis_and_exports_in_other_languages_are_understood() -> None:
    for written, column in OTHER_HEADERS:
        assert match_headers([written]).mapping == {written: column}


ONLY_SIMILAR = [
    "Company ID", "Account Owner", "Contact Owner", "Owner Email", "Manager Name", "LinkedIn Company ID",
    "Email Status", "Email Opt Out", "Email Domain", "Contact Owner Email", "Account ID", "Owner", "Assistant Name",
    "Lead Source", "LinkedIn Bio", "LinkedIn Followers", "Company Email", "Company Phone", "Middle Name", "URL",
    "Title", "Last Contacted", "First Conversion", "Email Confidence", "Sales Navigator URL", "Customer ID", "No",
    "#", "", "Name Prefix", "Nickname", "Billing Contact Id", "Facebook Url", "Campaign Name", "Event Name",
    "Parent Company ID", "User Name", "List Name", "Suffix", "Buyer Email", "Buyer First Name", "Host Email",
    "User Email", "Referrer Email", "Sales Rep Name", "Created By", "Created By.Email", "Owner.Name", "owner_id.name",
    "Spouse Name", "Spouse", "Manager.Email", "Reports To", "Assistant Email", "Emergency Contact Name",
    "Billing Email", "Type Name", "Shipping Name", "What is your manager's email?", "Zugeordnete Unternehmens-IDs",
    "Associated Company IDs",
    "Propriétaire du contact", "Zuständiger Mitarbeiter", "Accountinhaber", "Tipo de correo electrónico",
    "E-Mail-Typ", "E-Mail: Angezeigter Name", "Nom complet de l'adresse de messagerie", "Tipo posta elettronica",
    "Is Contact", "Email Required", "Email Type", "Anrede", "Civilité", "Prefix", "Salutation", "Ad Name", "N",
]  # fmt: skip


def test_headers_that_only_resemble_ours_are_not_taken_for_them() -> None:
    for written in ONLY_SIMILAR:
        assert match_headers([written]).mapping == {}


SEVERAL = [
    ("E-mail 2,Email", ["Email", "E-mail 2"]),
    ("Personal Email,Work Email", ["Work Email", "Personal Email"]),
    ("Contact Email,Email", ["Email", "Contact Email"]),
    ("Company Name for Emails,Company", ["Company"]),
    ("Website,Company Domain Name", ["Company Domain Name", "Website"]),
    ("Email - Other,Email - Home,Email - Work", ["Email - Work", "Email - Home", "Email - Other"]),
    ("LinkedIn Handle,LinkedIn URL", ["LinkedIn URL", "LinkedIn Handle"]),
    ("Profile URL,LinkedIn URL", ["LinkedIn URL"]),
    ("Name,Contact Person", ["Name"]),
    ("User ID,Record ID", ["Record ID"]),
    ("Parent Account Name,Account Name", ["Account Name"]),
]


def test_of_several_headers_for_a_column_the_better_spelling_comes_first_wherever_it_stands() -> None:
    for written, used in SEVERAL:
        assert list(match_headers(written.split(",")).mapping) == used
        assert list(match_headers(written.split(",")[::-1]).mapping) == used


SIDE_BY_SIDE = [
    ("Vorname,Nachname,Name", {"Vorname": "first_name", "Nachname": "last_name", "Name": "full_name"}),
    ("First Name,Name", {"First Name": "first_name", "Name": "last_name"}),
    ("Name,Last Name", {"Name": "first_name", "Last Name": "last_name"}),
    ("Your Name,Last Name (required)", {"Your Name": "first_name", "Last Name (required)": "last_name"}),
    ("Contact Name,Last Name", {"Contact Name": "full_name", "Last Name": "last_name"}),
    (
        "First Name,Email,Attendee Name,Attendee Email",
        {
            "First Name": "first_name",
            "Attendee Name": "full_name",
            "Attendee Email": "email",
            "Email": "email",
        },
    ),
    ("Prenume,Nume", {"Prenume": "first_name", "Nume": "last_name"}),
    ("Ad,Soyad", {"Ad": "first_name", "Soyad": "last_name"}),
    ("Ad,Email", {"Email": "email"}),
    ("FN,N,ORG", {"FN": "full_name", "ORG": "organisation_name"}),
    ("FN,LN", {"FN": "first_name", "LN": "last_name"}),
    ("FN,Email", {"Email": "email"}),
    (
        "billing_first_name,billing_last_name,billing_email",
        {"billing_first_name": "first_name", "billing_last_name": "last_name", "billing_email": "email"},
    ),
    ("billing_first_name,billing_last_name,billing_email,shipping_first_name", {}),
    ("Billing Email,Company", {"Company": "organisation_name"}),
    ("Name,Surname", {"Name": "first_name", "Surname": "last_name"}),
    ("Nombre", {"Nombre": "full_name"}),
    ("Nome,Cognome", {"Nome": "first_name", "Cognome": "last_name"}),
    ("Nom", {"Nom": "full_name"}),
    ("Email,URL", {"Email": "email"}),
    ("First Name,URL,Connected On", {"First Name": "first_name", "URL": "linkedin_url"}),
    ("LinkedIn,URL,Connected On", {"LinkedIn": "linkedin_url"}),
]


def test_some_headers_mean_what_stands_beside_them_makes_them_mean() -> None:
    for written, mapping in SIDE_BY_SIDE:
        assert match_headers(written.split(",")).mapping == mapping


def test_repeated_headers_are_told_apart_and_all_used() -> None:
    match = match_headers(["Email", "", "Email_2", "E-Mail", "Email", ""])
    assert match.names == ("Email", "column_2", "Email_2", "E-Mail", "Email_3", "column_6")
    assert match.columns == {"email": (0, 3, 4, 2)}


@pytest.mark.parametrize("written", ["Company,Website", "Id,City", "foo,bar", ""])
def test_headers_that_say_nothing_about_a_person_are_not_usable(written: str) -> None:
    assert not match_headers(written.split(",")).usable


def test_a_users_spellings_come_before_ours(tmp_path: Path) -> None:
    own = tmp_path / "spellings.toml"
    own.write_text('email = ["Correo laboral", "Website"]\ncontact_id = ["Kunde #"]\n', encoding="utf-8")
    spellings = load_spellings(own)
    match = match_headers(["Website", "email", "CORREO-LABORAL", "Kunde #", "Company"], spellings)
    assert match.columns == {"contact_id": (3,), "email": (2, 0, 1), "organisation_name": (4,)}
    assert match_headers(["email", "Website"], spellings).columns == {"email": (1, 0)}
    asked = {"contact_id": ("What is your badge?",), "full_name": ("Your Email (required)",)}
    assert list(match_headers(["What is your badge?", "Your Email (required)"], asked).columns) == list(asked)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("email = [", "not valid TOML"),
        ('e_mail = ["Correo"]', '"e_mail" is no landed column; expected one of contact_id'),
        ('email = "Correo"', "email must be a list of headers"),
        ("email = [1]", "email must be a list of headers"),
        ('email = ["--"]', "email must be a list of headers"),
        ('email = ["Correo"]\nfull_name = ["correo"]', '"correo" stands under both email and full_name'),
    ],
)
def test_a_bad_file_of_spellings_says_what_is_wrong(tmp_path: Path, written: str, reason: str) -> None:
    own = tmp_path / "spellings.toml"
    own.write_text(written)
    with pytest.raises(BadSpellings, match=r"spellings\.toml") as caught:
        load_spellings(own)
    assert reason in str(caught.value)


def test_a_missing_file_of_spellings_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSpellings, match=r"gone\.toml cannot be read: No such file"):
        load_spellings(tmp_path / "gone.toml")


def test_every_spelling_stands_once_and_for_one_column() -> None:
    table = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))
    columns = (*LANDED_COLUMNS, HANDLE, *NAME_PARTS)
    about_words = {"wrappers", "guests", "form_words", "possessives", "form_endings", "remarks", "path_endings"}
    assert set(table) == {*columns, *about_words, "exclusive", "family_name_first", "contextual", "unused"}
    keys = [key_of(one) for column in columns for one in table[column]]
    assert "" not in keys
    assert sorted(keys) == sorted(set(keys))
    assert {key_of(one) for one in table["exclusive"]} <= set(keys)
    assert {key_of(one) for one in table["family_name_first"]} <= {key_of(one) for one in table["full_name"]}
