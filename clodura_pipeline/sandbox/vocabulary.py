"""Word lists that the made-up directory draws from; lists inside a text are separated by commas."""

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
        "Poland", "Sp. z o.o.,S.A.", "Warszawa/Masovia,Kraków/Lesser Poland,Łódź/Łódź",
        "Łukasz,Małgorzata,Paweł,Agnieszka,Wojciech,Katarzyna,Michał,Zofia,Żaneta,Ewa",
        "Wójcik,Kowalska,Wiśniewski,Dąbrowska,Zieliński,Szymańska,Kozłowska,Jankowski,Łuczak,Król",
    ),
    Culture(
        "Türkiye", "A.Ş.,Ltd", "İstanbul/İstanbul,Ankara/Ankara,İzmir/İzmir",
        "Çağla,Mehmet,Şebnem,Oğuz,İrem,Gökhan,Işıl,Emre,Özge,Barış",
        "Şahin,Yıldız,Öztürk,Çelik,Doğan,Kılıç,Güneş,Aydın,İnce,Koç",
    ),
    Culture(
        "Denmark", "A/S,ApS", "København/Capital Region,Aarhus/Central Denmark",
        "Søren,Mette,Jørgen,Kirsten,Bjørn,Rasmus,Åse,Ærna,Niels,Signe",
        "Sørensen,Nørgaard,Østergaard,Møller,Kjær,Bæk,Holst,Krøyer,Lund,Skovgård",
    ),
    Culture(
        "Vietnam", "Ltd", "Hồ Chí Minh City/Hồ Chí Minh City,Hà Nội/Hà Nội",
        "Hương,Đức,Thảo,Minh,Ngọc Ánh,Quân,Thị Lan,Tuấn,Bảo,Linh",
        "Nguyễn,Trần,Phạm,Huỳnh,Đặng,Bùi,Đỗ,Võ,Lê,Ngô",
    ),
    Culture(
        "Japan", "K.K.", "Tokyo/Tokyo,Osaka/Osaka",
        "太郎=Taro,Yuki,花子=Hanako,Kenji,Haruka,健=Ken,Sakura,美咲=Misaki,Shōta,Yūko",
        "山田=Yamada,Tanaka,佐藤=Sato,Suzuki,小林=Kobayashi,Itō,中村=Nakamura,Katō,Ōno,Mori",
    ),
    Culture(
        "Greece", "S.A.", "Athens/Attica,Thessaloniki/Central Macedonia",
        "Γιώργος=Giorgos,Eleni,Δημήτρης=Dimitris,Katerina,Νίκος=Nikos,Sofia,Μαρία=Maria,Kostas",
        "Παπαδόπουλος=Papadopoulos,Nikolaidis,Αλεξίου=Alexiou,Georgiou,Μακρής=Makris,Ioannidou,Vlachos,Economou",
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
# An industry, and the words that its companies put in their names.
INDUSTRIES = (
    ("Computer Software", "Software,Systems"), ("Financial Services", "Capital,Payments"),
    ("Insurance", "Insurance,Mutual"), ("Logistics and Supply Chain", "Logistics,Freight"),
    ("Hospital & Health Care", "Health,Clinics"), ("Pharmaceuticals", "Pharma,Biosciences"),
    ("Renewables & Environment", "Energy,Solar"), ("Automotive", "Motors,Mobility"),
    ("Machinery", "Machines,Automation"), ("Food & Beverages", "Foods,Bakeries"),
)  # fmt: skip
# Invented; none is the name of a company known to us.
STEMS = (
    "Alderbrook,Amberfield,Åsvik,Belcastro,Birkenau,Bluefen,Brightwater,Calderstone,Château-Rivière,Corvina,Dalgaard,"
    "Drumlin,Éclipsia,Falkenrath,Fjordlys,Foxglen,Galdera,Glasshaven,Grünfelden,Halcyra,Ibarrola,Ironvale,Jadwigowo,"
    "Kōyama,Larkspire,Lumenfeld,Mandorla,Meridell,Nordlicht,Orchidée,Pellinore,Quillmark,Ravensmoor,Skærbæk,Solvarina,"
    "Thornbury,Tvärvik,Übersee,Valdemora,Wyndham-Cole,Yarrowgate,Zephyria,Złotogóra"
)
