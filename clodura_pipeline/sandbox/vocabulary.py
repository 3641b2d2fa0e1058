"""Titles, departments, seniorities and company words that the made-up directory draws from."""

from dataclasses import dataclass

AREA_CODES = ("202", "212", "303", "312", "404", "415", "512", "617")


@dataclass(frozen=True)
class Department:
    """A department under Clodura's name, how titles call it, and who works there."""

    name: str
    weight: float
    area: str
    chief: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Size:
    """A band of employees with the band of revenue that goes with it."""

    employees: str
    revenue: str
    weight: float


def _listed(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(","))


DEPARTMENTS = (
    Department(
        "Engineering",
        18,
        "Engineering",
        "Chief Technology Officer",
        ("Software Engineer", "Site Reliability Engineer", "Mechanical Engineer", "Data Engineer"),
    ),
    Department(
        "Sales",
        16,
        "Sales",
        "Chief Revenue Officer",
        ("Account Executive", "Sales Representative", "Business Development Associate"),
    ),
    Department(
        "Marketing",
        12,
        "Marketing",
        "Chief Marketing Officer",
        ("Content Strategist", "Demand Generation Specialist", "Brand Designer"),
    ),
    Department(
        "Operations",
        10,
        "Operations",
        "Chief Operating Officer",
        ("Operations Analyst", "Supply Chain Planner", "Logistics Coordinator"),
    ),
    Department("Finance", 9, "Finance", "Chief Financial Officer", ("Financial Analyst", "Accountant", "Controller")),
    Department(
        "HR",
        7,
        "People & Culture",
        "Chief Human Resources Officer",
        ("Recruiter", "HR Business Partner", "Payroll Specialist"),
    ),
    Department(
        "IT",
        8,
        "Information Technology",
        "Chief Information Officer",
        ("Systems Administrator", "Network Engineer", "IT Support Specialist"),
    ),
    Department("Product Management", 6, "Product", "Chief Product Officer", ("Product Owner", "Product Analyst")),
    Department("Analytics", 5, "Analytics", "Chief Data Officer", ("Data Analyst", "Data Scientist")),
    Department(
        "Support", 4, "Customer Success", "Chief Customer Officer", ("Support Engineer", "Customer Success Specialist")
    ),
    Department(
        "Security",
        3,
        "Information Security",
        "Chief Information Security Officer",
        ("Security Analyst", "Penetration Tester"),
    ),
    Department(
        "Admin", 2, "Administration", "Chief Administrative Officer", ("Office Coordinator", "Executive Assistant")
    ),
)

# Clodura's seniorities, how common each is, and the titles that go with it.
SENIORITIES: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("Founder", 3, ("Founder", "Co-Founder", "Founder & {area} Lead")),
    ("Chairman", 0.5, ("Chairman of the Board",)),
    ("President", 1, ("President",)),
    ("CEO", 3, ("Chief Executive Officer", "CEO", "Managing Director & CEO")),
    ("CXO", 6, ("{chief}",)),
    ("Vice President", 9, ("Vice President of {area}", "VP {area}", "Vice President, {area} – EMEA")),
    ("Director", 13, ("Director of {area}", "{area} Director")),
    ("Head", 7, ("Head of {area}",)),
    ("Manager", 20, ("{area} Manager", "Manager, {area}")),
    ("Senior", 16, ("Senior {role}", "Lead {role}")),
    ("Junior", 5, ("Junior {role}",)),
    ("Entry Level", 11, ("{role}", "Graduate {role}", "{role} (Trainee)")),
    ("Executive", 5.5, ("{area} Executive",)),
)

SIZES = (
    Size("1-10", "$0 - $1M", 12),
    Size("11-50", "$1M - $10M", 22),
    Size("51-200", "$10M - $50M", 24),
    Size("201-500", "$50M - $100M", 16),
    Size("501-1000", "$100M - $250M", 10),
    Size("1001-5000", "$250M - $1B", 10),
    Size("5001-10000", "$1B - $5B", 4),
    Size("10001+", "$5B+", 2),
)

# An industry, and the words companies of it put in their names.
INDUSTRIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Computer Software", ("Software", "Systems", "Labs")),
    ("Information Technology and Services", ("Technologies", "Digital", "IT Services")),
    ("Financial Services", ("Capital", "Finance", "Payments")),
    ("Insurance", ("Insurance", "Assurance", "Mutual")),
    ("Logistics and Supply Chain", ("Logistics", "Freight", "Supply")),
    ("Hospital & Health Care", ("Health", "Clinics", "Care")),
    ("Pharmaceuticals", ("Pharma", "Biosciences", "Therapeutics")),
    ("Renewables & Environment", ("Energy", "Solar", "Wind")),
    ("Automotive", ("Motors", "Mobility", "Components")),
    ("Machinery", ("Machines", "Works", "Automation")),
    ("Food & Beverages", ("Foods", "Bakeries", "Coffee")),
    ("Retail", ("Stores", "Market", "Outfitters")),
    ("Management Consulting", ("Consulting", "Advisory", "Partners")),
    ("Construction", ("Construction", "Builders", "Civil")),
    ("Education Management", ("Academy", "Learning", "Schools")),
    ("Telecommunications", ("Networks", "Telecom", "Fiber")),
)

# Invented; none is the name of a company known to us.
STEMS = _listed(
    "Alderbrook, Amberfield, Ardenwick, Åsvik, Auroral, Baymere, Belcastro, Birkenau, Bluefen, Bramwell, "
    "Brightwater, Calderstone, Castellar, Cedarmont, Château-Rivière, Corvina, Dalgaard, Dovecote, Drumlin, "
    "Éclipsia, Eastmarch, Elmgate, Émerveille, Falkenrath, Farrowdale, Fennimore, Fjordlys, Foxglen, Galdera, "
    "Glasshaven, Goldmere, Grünfelden, Halcyra, Hartsmoor, Hazelmere, Ibarrola, Ironvale, Jadwigowo, "
    "Juniperus, Karavan, Kestrelton, Kōyama, Larkspire, Lindqvara, Lumenfeld, Mandorla, Maplewick, Marrowby, "
    "Meridell, Mistralis, Nordlicht, Northquay, Oakhollow, Ondarra, Orchidée, Osterwald, Palisandro, "
    "Pellinore, Quillmark, Rautalampi, Ravensmoor, Rosenhain, Saffronia, Silverlode, Skærbæk, Solvarina, "
    "Stonecroft, Tamarisca, Thornbury, Tvärvik, Übersee, Valdemora, Vistamar, Westerholt, Willowmere, "
    "Wyndham-Cole, Yarrowgate, Zephyria, Złotogóra, Żuraw"
)
