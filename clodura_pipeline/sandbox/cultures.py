"""Names, places, legal forms and reserved telephone numbers that the made-up directory draws from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """A name as its bearer writes it, and in the letters that addresses are made of."""

    written: str
    latin: str


@dataclass(frozen=True)
class Place:
    """A city with its state or region."""

    city: str
    state: str


@dataclass(frozen=True)
class Culture:
    """What people and companies of one country are made of."""

    country: str
    weight: float
    first_names: tuple[Name, ...]
    last_names: tuple[Name, ...]
    places: tuple[Place, ...]
    legal_forms: tuple[str, ...]
    board_line: str


# Numbers that regulators keep free for films and examples; where a country keeps none, the North American ones.
_NORTH_AMERICA = "+1 {area}-555-01{digits:02d}"
_BRITAIN = "+44 20 7946 00{digits:02d}"
_GERMANY = "+49 30 23125 0{digits:02d}"
_FRANCE = "+33 1 99 00 00 {digits:02d}"
_AUSTRALIA = "+61 2 5550 00{digits:02d}"
_SWEDEN = "+46 8 465 004 {digits:02d}"
_IRELAND = "+353 20 913 00{digits:02d}"


def _names(listed: str) -> tuple[Name, ...]:
    """Names from 'Anna, 山田=Yamada': separated by commas, with their Latin form where it cannot be derived."""
    pairs = (entry.strip().partition("=") for entry in listed.split(","))
    return tuple(Name(written, latin or written) for written, _, latin in pairs)


def _places(listed: str) -> tuple[Place, ...]:
    """Places from 'Munich/Bavaria, Berlin/Berlin'."""
    pairs = (entry.strip().partition("/") for entry in listed.split(","))
    return tuple(Place(city, state) for city, _, state in pairs)


def _culture(country: str, weight: float, first: str, last: str, places: str, forms: str, line: str) -> Culture:
    legal_forms = tuple(form.strip() for form in forms.split("|"))
    return Culture(country, weight, _names(first), _names(last), _places(places), legal_forms, line)


CULTURES: tuple[Culture, ...] = (
    _culture(
        "United States",
        26,
        "James, Mary, Robert, Jennifer, Michael, Linda, David, Elizabeth, William, Susan, Marcus, Jasmine, "
        "Tyrone, Ashley, "
        "Kevin, Danielle, Carlos, Brianna, Ethan, Olivia, Noah, Grace, DeShawn, Mary Ann, Jean-Luc, Renée",
        "Smith, Johnson, Williams, Brown, Jones, Garcia, Miller, Davis, Rodriguez, Martinez, Wilson, "
        "Anderson, Taylor, "
        "Washington, Jackson, Lee, Thompson, White, Harris, Clark, Lewis, Robinson, McAllister, O'Neill, St. "
        "John, Núñez",
        "New York/New York, San Francisco/California, Austin/Texas, Chicago/Illinois, Boston/Massachusetts, "
        "Seattle/Washington, Denver/Colorado, Atlanta/Georgia, Raleigh/North Carolina, Miami/Florida",
        "Inc. | LLC | Corp.",
        _NORTH_AMERICA,
    ),
    _culture(
        "United Kingdom",
        9,
        "Oliver, Amelia, Harry, Isla, George, Poppy, Alfie, Freya, Rhys, Siân, Callum, Imogen, Priya, "
        "Mohammed, Zoë, Hamish",
        "Hughes, Evans, Thomas, Walker, Wright, Hall, Green, Khan, Patel, Campbell, Stewart, Fraser, Lloyd-Davies, "
        "Ashworth, Begum, MacGregor, D'Souza, Pemberton",
        "London/England, Manchester/England, Edinburgh/Scotland, Cardiff/Wales, Bristol/England, Leeds/England",
        "Ltd | plc | Limited",
        _BRITAIN,
    ),
    _culture(
        "India",
        12,
        "Aarav, Ananya, Vivaan, Diya, Arjun, Ishita, Rohan, Kavya, Siddharth, Meera, Rahul, Pooja, Karthik, Lakshmi, "
        "Harpreet, Sunita, Imran, Nandini",
        "Sharma, Verma, Gupta, Iyer, Nair, Reddy, Patel, Singh, Kaur, Banerjee, Chatterjee, Joshi, Deshmukh, "
        "Kulkarni, "
        "Menon, Rao, Subramanian, Khan",
        "Pune/Maharashtra, Mumbai/Maharashtra, Bengaluru/Karnataka, Hyderabad/Telangana, New Delhi/Delhi, "
        "Chennai/Tamil Nadu",
        "Pvt Ltd | Private Limited",
        _NORTH_AMERICA,
    ),
    _culture(
        "Germany",
        9,
        "Jürgen, Anna, Lukas, Käthe, Maximilian, Sabine, Björn, Ulrike, Stefan, Jörg, Hannah, Friedrich, "
        "Heike, Günther, "
        "Lena, Ayşe, Karl-Heinz, Sören",
        "Müller, Schmidt, Schneider, Fischer, Weber, Schäfer, Groß, Köhler, Weiß, Jäger, Hoffmann, Böhm, Krüger, "
        "von Lüneburg, Yılmaz, Vogt, Strauß, Lehmann",
        "Berlin/Berlin, München/Bavaria, Hamburg/Hamburg, Köln/North Rhine-Westphalia, "
        "Stuttgart/Baden-Württemberg, Leipzig/Saxony",
        "GmbH | AG",
        _GERMANY,
    ),
    _culture(
        "France",
        7,
        "Élodie, François, Chloé, Jean-Pierre, Amélie, Benoît, Camille, Hélène, Théo, Margaux, Loïc, Inès, "
        "Aurélie, Raphaël",
        "Lefèvre, Dubois, Moreau, Laurent, Girard, Bonnet, Rousseau, Chevalier, de La Tour, Béranger, "
        "Garnier, Faure, "
        "N'Diaye, Benali",
        "Paris/Île-de-France, Lyon/Auvergne-Rhône-Alpes, Toulouse/Occitanie, Nantes/Pays de la Loire, "
        "Lille/Hauts-de-France",
        "SA | SAS",
        _FRANCE,
    ),
    _culture(
        "Spain",
        4,
        "José, María, Íñigo, Lucía, Álvaro, Sofía, Andrés, Begoña, Joaquín, Inés, María José, Raúl",
        "García, Fernández, Núñez, López, Ibáñez, Peña, Muñoz, de la Cruz, Gómez Ortiz, Echeverría, Sáez, Castaño",
        "Madrid/Community of Madrid, Barcelona/Catalonia, Valencia/Valencian Community, Bilbao/Basque Country",
        "S.L. | S.A.",
        _NORTH_AMERICA,
    ),
    _culture(
        "Poland",
        4,
        "Łukasz, Małgorzata, Paweł, Agnieszka, Wojciech, Katarzyna, Michał, Zofia, Stanisław, Żaneta, Grzegorz, Ewa",
        "Wójcik, Kowalska, Wiśniewski, Dąbrowska, Zieliński, Szymańska, Woźniak, Kozłowska, Jankowski, "
        "Łuczak, Żak, Król",
        "Warszawa/Masovia, Kraków/Lesser Poland, Wrocław/Lower Silesia, Gdańsk/Pomerania, Łódź/Łódź",
        "Sp. z o.o. | S.A.",
        _NORTH_AMERICA,
    ),
    _culture(
        "Türkiye",
        3,
        "Çağla, Mehmet, Şebnem, Oğuz, İrem, Gökhan, Işıl, Emre, Özge, Tuğba, Barış, Ümit",
        "Şahin, Yıldız, Öztürk, Çelik, Doğan, Kılıç, Güneş, Aydın, Erdoğmuş, İnce, Koç, Ünal",
        "İstanbul/İstanbul, Ankara/Ankara, İzmir/İzmir, Bursa/Bursa",
        "A.Ş. | Ltd",
        _NORTH_AMERICA,
    ),
    _culture(
        "Sweden",
        4,
        "Åsa, Björn, Linnéa, Östen, Märta, Göran, Elin, Håkan, Saga, Nils, Frida, Åke",
        "Åkesson, Öberg, Lindström, Sjögren, Nyström, Björklund, Söderberg, Holm, Bergqvist, Hägglund, Ek, Sandström",
        "Stockholm/Stockholm County, Göteborg/Västra Götaland, Malmö/Skåne, Uppsala/Uppsala County",
        "AB",
        _SWEDEN,
    ),
    _culture(
        "Denmark",
        3,
        "Søren, Mette, Jørgen, Kirsten, Bjørn, Sørine, Rasmus, Åse, Mads, Ærna, Niels, Signe",
        "Sørensen, Nørgaard, Østergaard, Møller, Kjær, Bæk, Holst, Jørgensen, Ravn, Krøyer, Lund, Skovgård",
        "København/Capital Region, Aarhus/Central Denmark, Odense/Southern Denmark, Aalborg/North Denmark",
        "A/S | ApS",
        _NORTH_AMERICA,
    ),
    _culture(
        "Ireland",
        3,
        "Seán, Aoife, Cillian, Róisín, Oisín, Niamh, Pádraig, Sinéad, Ciarán, Gráinne, Eoin, Orla",
        "O'Brien, Ó Súilleabháin, Murphy, Kelly, Ní Dhomhnaill, Byrne, O'Connor, McCarthy, Walsh, Doyle, "
        "Fitzgerald, Nolan",
        "Dublin/Leinster, Cork/Munster, Galway/Connacht, Limerick/Munster",
        "Ltd | plc",
        _IRELAND,
    ),
    _culture(
        "Australia",
        4,
        "Jack, Charlotte, Lachlan, Matilda, Cooper, Ruby, Angus, Zara, Mitchell, Kirra, Brodie, Thi Mai",
        "Nguyen, Mitchell, Campbell, Kelly, Ryan, Murray, Papadopoulos, Bennett, Singh, Fletcher, Marshall, Wu",
        "Sydney/New South Wales, Melbourne/Victoria, Brisbane/Queensland, Perth/Western Australia",
        "Pty Ltd",
        _AUSTRALIA,
    ),
    _culture(
        "Vietnam",
        2,
        "Hương, Đức, Thảo, Minh, Ngọc Ánh, Quân, Thị Lan, Tuấn, Bảo, Linh",
        "Nguyễn, Trần, Phạm, Huỳnh, Đặng, Bùi, Đỗ, Võ, Lê, Ngô",
        "Hồ Chí Minh City/Hồ Chí Minh City, Hà Nội/Hà Nội, Đà Nẵng/Đà Nẵng",
        "Ltd",
        _NORTH_AMERICA,
    ),
    _culture(
        "Japan",
        4,
        "太郎=Taro, Yuki, 花子=Hanako, Kenji, Haruka, 健=Ken, Sakura, Daisuke, 美咲=Misaki, Naoko, Shōta, Yūko",
        "山田=Yamada, Tanaka, 佐藤=Sato, Suzuki, Watanabe, 小林=Kobayashi, Itō, Yamamoto, 中村=Nakamura, Katō, "
        "Ōno, Mori",
        "Tokyo/Tokyo, Osaka/Osaka, Kyoto/Kyoto, Fukuoka/Fukuoka",
        "K.K.",
        _NORTH_AMERICA,
    ),
    _culture(
        "Greece",
        2,
        "Γιώργος=Giorgos, Eleni, Δημήτρης=Dimitris, Katerina, Νίκος=Nikos, Sofia, Μαρία=Maria, Kostas",
        "Παπαδόπουλος=Papadopoulos, Nikolaidis, Αλεξίου=Alexiou, Georgiou, Μακρής=Makris, Ioannidou, Vlachos, Economou",
        "Athens/Attica, Thessaloniki/Central Macedonia, Patras/Western Greece",
        "S.A.",
        _NORTH_AMERICA,
    ),
    _culture(
        "Brazil",
        4,
        "João, Conceição, Antônio, Letícia, Luís, Beatriz, Caetano, Flávia, Thiago, Verônica, Otávio, Júlia",
        "da Silva, Gonçalves, dos Santos, Araújo, Conceição, Magalhães, Falcão, Brandão, Simões, Pereira, "
        "Guimarães, Leão",
        "São Paulo/São Paulo, Rio de Janeiro/Rio de Janeiro, Brasília/Federal District, Curitiba/Paraná",
        "Ltda. | S.A.",
        _NORTH_AMERICA,
    ),
)
