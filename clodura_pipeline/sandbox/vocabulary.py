"""Word lists that the made-up directory draws from; words of a text are separated by commas."""

from typing import NamedTuple


class Culture(NamedTuple):
    """What people and companies of one country are made of."""

    country: str
    legal_forms: str
    places: str  # city/state
    first_names: str  # `太郎=Taro`: the Latin form, where it cannot be derived
    last_names: str


CULTURES = (
    Culture(
        "United States", "Inc.,LLC,Corp.", "New York/New York,Austin/Texas,Chicago/Illinois",
        "James,Mary,Robert,Jennifer,Marcus,Ashley,DeShawn,Olivia,Jean-Luc,Renée,Noah,Mary Ann",
        "Smith,Johnson,Brown,Garcia,Miller,Washington,Lee,Thompson,McAllister,O'Neill,St. John,Núñez",
    ),
    Culture(
        "Germany", "GmbH,AG", "Berlin/Berlin,München/Bavaria,Köln/North Rhine-Westphalia",
        "Jürgen,Anna,Lukas,Käthe,Björn,Sabine,Jörg,Hannah,Karl-Heinz,Ayşe,Günther,Lena",
        "Müller,Schmidt,Schäfer,Groß,Weiß,Jäger,Hoffmann,Böhm,von Lüneburg,Yılmaz,Krüger,Strauß",
    ),
    Culture(
        "Türkiye", "A.Ş.,Ltd", "İstanbul/İstanbul,Ankara/Ankara,İzmir/İzmir",
        "Çağla,Mehmet,Şebnem,Oğuz,İrem,Gökhan,Işıl,Emre,Özge,Barış",
        "Şahin,Yıldız,Öztürk,Çelik,Doğan,Kılıç,Güneş,Aydın,İnce,Koç",
    ),
    Culture(
        "Japan", "K.K.", "Tokyo/Tokyo,Osaka/Osaka",
        "太郎=Taro,Yuki,花子=Hanako,Kenji,Haruka,健=Ken,Sakura,美咲=Misaki,Shōta,Yūko",
        "山田=Yamada,Tanaka,佐藤=Sato,Suzuki,小林=Kobayashi,Itō,中村=Nakamura,Katō,Ōno,Mori",
    ),
)  # fmt: skip

DEPARTMENTS = "Admin,Analytics,Engineering,Finance,HR,IT,Marketing,Operations,Product Management,Sales,Security,Support"
# Clodura's seniorities, and the titles that go with them.
SENIORITIES = (
    ("Founder", "Founder,Co-Founder"), ("Chairman", "Chairman of the Board"), ("President", "President"),
    ("CEO", "Chief Executive Officer,CEO"), ("CXO", "Chief {area} Officer"), ("Head", "Head of {area}"),
    ("Vice President", "Vice President of {area},VP {area}"), ("Director", "Director of {area},{area} Director"),
    ("Manager", "{area} Manager"), ("Senior", "Senior {area} Specialist,Lead {area} Analyst"),
    ("Junior", "Junior {area} Analyst"), ("Executive", "{area} Executive"),
    ("Entry Level", "{area} Associate,{area} Specialist (Trainee)"),
)  # fmt: skip
# Employees, and the revenue that goes with them.
SIZES = (
    ("1-10", "$0 - $1M"), ("11-50", "$1M - $10M"), ("51-200", "$10M - $50M"), ("201-500", "$50M - $100M"),
    ("501-1000", "$100M - $250M"), ("1001-5000", "$250M - $1B"), ("5001-10000", "$1B - $5B"), ("10001+", "$5B+"),
)  # fmt: skip
# A company is called by one of the stems and the word of its industry. None is the name of a company known to us.
INDUSTRIES = (
    ("Computer Software", "Software"), ("Financial Services", "Capital"), ("Insurance", "Insurance"),
    ("Logistics and Supply Chain", "Logistics"), ("Hospital & Health Care", "Health"), ("Pharmaceuticals", "Pharma"),
    ("Renewables & Environment", "Energy"), ("Automotive", "Motors"), ("Machinery", "Machines"),
    ("Food & Beverages", "Foods"),
)  # fmt: skip
STEMS = (
    "Alderbrook,Amberfield,Åsvik,Belcastro,Birkenau,Bluefen,Brightwater,Calderstone,Château-Rivière,Corvina,Dalgaard,"
    "Drumlin,Éclipsia,Falkenrath,Fjordlys,Foxglen,Galdera,Glasshaven,Grünfelden,Halcyra,Ibarrola,Ironvale,Jadwigowo,"
    "Kōyama,Larkspire,Lumenfeld,Mandorla,Meridell,Nordlicht,Orchidée,Pellinore,Quillmark,Ravensmoor,Skarbek,Solvarina,"
    "Thornbury,Tvärvik,Übersee,Valdemora,Wyndham-Cole"
)
