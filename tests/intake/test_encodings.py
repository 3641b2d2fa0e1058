"""Names in other encodings are read by their letters; where the encoding is doubtful, the result says so."""

import time
from pathlib import Path

import pytest

from clodura_pipeline.intake.contact_file import ContactRows, read_contacts

GREEK = "Γιώργος Παπαδόπουλος,Μαρία Νικολάου,Ελένη Αλεξίου,Δημήτρης Κωνσταντίνου,Άννα Βασιλείου"
NAMES = {
    "cp1254": "Ayşe Yılmaz,Mehmet Öztürk,Şule Çelik,İbrahim Güneş,Gökhan Işık,Fatih Doğan",
    "cp1253": GREEK,
    "cp1255": "דוד כהן,שרה לוי,משה פרץ,רחל מזרחי,יוסף אברהם,נועה ביטון",
    "cp1256": "محمد العلي,فاطمة حسن,أحمد الخطيب,ليلى منصور,خالد يوسف,عمر إبراهيم",
    "cp1250": "Łukasz Żak,Paweł Wąs,Jiří Dvořák,Żaneta Ćwik,Ondřej Němec,Gábor Kőszegi",
    "cp1257": "Rasa Kazlauskienė,Jānis Bērziņš,Kristīne Ozoliņa,Žydrūnas Petrauskas,Liga Kļaviņa,Eglė Šimkutė",
    "cp850": "Jürgen Größe,Zoë Lefèvre,François Müller,José Núñez,Søren Bjørn,Inês Conceição",
    "cp852": "Łukasz Żak,Paweł Wąs,Jiří Dvořák,Żaneta Ćwik,Ondřej Němec,Gábor Kőszegi",
    "iso8859-2": "Łukasz Żak,Paweł Wąs,Jiří Dvořák,Żaneta Ćwik,Ondřej Němec,Gábor Kőszegi",
    "iso8859-9": "Ayşe Yılmaz,Mehmet Öztürk,Şule Çelik,İbrahim Güneş,Gökhan Işık,Fatih Doğan",
    "mac_latin2": "Łukasz Żak,Paweł Wąs,Jiří Dvořák,Żaneta Ćwik,Ondřej Němec,Gábor Kőszegi",
    "cp866": "Иван Петров,Мария Сидорова,Ольга Кузнецова,Дмитрий Смирнов,Анна Волкова",
    "iso2022_jp": "山田 太郎,佐藤 花子,鈴木 一郎",
    "euc_jp": "山田 太郎,佐藤 花子,鈴木 一郎,高橋 健,田中 美咲",
    "cp1251": "Иван Петров,Мария Сидорова,Ольга Кузнецова,Дмитрий Смирнов,Анна Волкова",
    "koi8_r": "Иван Петров,Мария Сидорова,Ольга Кузнецова,Дмитрий Смирнов,Анна Волкова",
    "mac_roman": "Jürgen Größe,Zoë Lefèvre,François Müller,José Núñez,Søren Bjørn,Inês Conceição",
    "cp932": "山田 太郎,佐藤 花子,鈴木 一郎,高橋 健,田中 美咲",
    "gb18030": "王 伟,李 娜,张 敏,刘 洋,陈 静,北京 科技有限公司",
    "euc_kr": "김 민수,이 영희,박 지훈,최 수진,정 하늘",
    "big5": "陳 志明,林 淑芬,黃 俊傑,張 雅婷,李 家豪",
    "cp1252": "Jürgen Größe,Zoë Lefèvre,François Müller,José Núñez,Søren Bjørn,Guðrún Sigurðardóttir,Þór Jónsson",
}
LABELS = {
    "cp1254": "Windows-1254", "cp1253": "Windows-1253", "cp1255": "Windows-1255", "cp1256": "Windows-1256",
    "cp1250": "Windows-1250", "cp1251": "Windows-1251", "koi8_r": "KOI8-R", "mac_roman": "Mac Roman",
    "cp932": "Shift-JIS", "gb18030": "GBK", "euc_kr": "EUC-KR", "big5": "Big5", "cp1252": "Windows-1252",
    "cp1257": "Windows-1257", "cp850": "DOS 850", "cp852": "DOS 852", "iso8859-2": "ISO-8859-2", "cp866": "DOS 866",
    "iso8859-9": "Windows-1254", "mac_latin2": "Mac Central European", "iso2022_jp": "ISO-2022-JP", "euc_jp": "EUC-JP",
}  # fmt: skip


def read(folder: Path, names: list[str], encoding: str, header: str = "id,name,email") -> ContactRows:
    location = folder / "list.csv"
    rows = "".join(f"{number},{name},p{number}@example.com\n" for number, name in enumerate(names))
    location.write_bytes(f"{header}\n{rows}".encode(encoding))
    return read_contacts(location)


@pytest.mark.parametrize("encoding", NAMES)
def test_names_are_read_in_their_encoding_which_the_format_names(tmp_path: Path, encoding: str) -> None:
    names = NAMES[encoding].split(",")
    contacts = read(tmp_path, names, encoding)
    assert contacts.rows["full_name"].to_list() == names
    assert contacts.format == f"CSV, comma, {LABELS[encoding]}"
    assert not contacts.encoding_is_doubtful
    assert bool(contacts.notes) == (encoding not in {"cp1252", "iso2022_jp"})


@pytest.mark.parametrize(
    ("encoding", "header", "names"),
    [
        ("cp1251", "Имя;Фамилия;Эл. почта", ["Иван;Петров;i@example.com"]),
        ("cp932", "姓;名;メールアドレス", ["山田;太郎;y@example.com"]),
        ("gb18030", "姓名;邮箱", ["王伟;w@example.com", "李娜;l@example.com"]),
    ],
)
def test_headers_in_other_encodings_are_understood(
    tmp_path: Path, encoding: str, header: str, names: list[str]
) -> None:
    location = tmp_path / "list.csv"
    location.write_bytes("\n".join([header, *names, ""]).encode(encoding))
    assert read_contacts(location).rows["email"].to_list() == [name.split(";")[-1] for name in names]


@pytest.mark.parametrize(
    ("encoding", "name"), [("cp1254", "Ayşe Yılmaz"), ("cp1253", "Γιώργος Παπαδόπουλος"), ("mac_roman", "Jürgen Größe")]
)
def test_a_single_name_leaves_the_encoding_doubtful(tmp_path: Path, encoding: str, name: str) -> None:
    contacts = read(tmp_path, [name], encoding)
    assert contacts.encoding_is_doubtful
    assert "is doubtful" in contacts.notes[0]
    assert not any(word in contacts.notes[0] for word in contacts.rows["full_name"][0].split())


def test_names_that_come_late_show_the_encoding_too(tmp_path: Path) -> None:
    names = ["Ann Lee"] * 300_000 + NAMES["cp1254"].split(",")
    contacts = read(tmp_path, names, "cp1254")
    assert contacts.rows["full_name"].to_list()[-6:] == names[-6:]


def test_a_single_western_name_is_not_doubtful(tmp_path: Path) -> None:
    assert not read(tmp_path, ["Zoë Lefèvre"], "cp1252").encoding_is_doubtful


def test_a_cell_of_many_letters_takes_little_time(tmp_path: Path) -> None:
    started = time.process_time()
    assert read(tmp_path, ["Zoë Lefèvre", "é" * 200_000], "cp1252").rows.height == 2
    assert time.process_time() - started < 3
