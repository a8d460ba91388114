"""Names for a company that does not exist: what the sample events are made of."""

# ruff: noqa: RUF001 - letters of many scripts, look-alikes among them, are what this file is for

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Unit:
    """An organization of the sample.

    Attributes:
        key: its short name in this file.
        parent: the key of the organization above; None right below the root.
        people: how many accounts have it as their primary organization.
        language: of which their names are.
    """

    key: str
    parent: str | None
    name: str
    people: int
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Person:
    """A name: as it is written, and what the user name is made of."""

    display_name: str
    username: str


@dataclass(frozen=True, slots=True)
class _Language:
    """Family and given names as `written:latin`, and how both make a name."""

    order: str
    families: str
    givens: str


# Names that a DN must escape (RFC 4514 section 2.4), names that differ from their neighbours by little, and no two
# siblings that a directory would take for one.
UNITS: Final = (
    Unit("hq", None, "Headquarters, Board & Legal", 9),
    Unit("legal", "hq", "Legal; Compliance + Risk", 7),
    Unit("finance", "hq", "Finance #1", 9),
    Unit("treasury", "finance", "#Treasury", 5),
    Unit("audit", "finance", 'Audit "Four Eyes"', 4),
    Unit("people", "hq", "People & Culture 🌱", 8),
    Unit("it", "hq", "IT = Infrastructure", 6),
    Unit("it_win", "it", r"Desktops C:\Windows", 5),
    Unit("it_net", "it", "Networks <core/edge>", 6),
    Unit("it_iam", "it", " Identity ", 4),
    Unit("china", None, "中国区", 5, "zh"),
    Unit("cn_rd", "china", "研发中心", 12, "zh"),
    Unit("cn_rd_be", "cn_rd", "后端组，平台", 11, "zh"),
    Unit("cn_rd_db", "cn_rd_be", "数据库+存储", 6, "zh"),
    Unit("cn_rd_kv", "cn_rd_db", "键=值", 4, "zh"),
    Unit("cn_rd_fe", "cn_rd", "前端组", 9, "zh"),
    Unit("cn_sales", "china", "销售部, 上海", 14, "zh"),
    Unit("japan", None, "日本支社", 6, "ja"),
    Unit("jp_dev", "japan", "開発部", 10, "ja"),
    Unit("jp_qa", "jp_dev", "品質保証課", 6, "ja"),
    Unit("jp_sales", "japan", "営業部＋企画", 8, "ja"),
    Unit("mena", None, "الشرق الأوسط", 5, "ar"),
    Unit("mena_eng", "mena", "الهندسة", 9, "ar"),
    Unit("mena_ops", "mena_eng", "العمليات, دبي", 8, "ar"),
    Unit("east", None, "Східна Європа", 4, "ru"),
    Unit("east_dev", "east", "Разработка", 11, "ru"),
    Unit("east_test", "east_dev", "Тестирование; автоматизация", 7, "ru"),
    Unit("east_docs", "east_dev", "Документация", 5, "ru"),
    Unit("south", None, "Νότια Ευρώπη", 4, "el"),
    Unit("south_ath", "south", "Αθήνα", 9, "el"),
    Unit("south_sup", "south_ath", "Υποστήριξη + Κέντρο", 7, "el"),
    Unit("west", None, "Europe de l'Ouest", 5, "la"),
    Unit("west_par", "west", "Études & Développement", 15, "la"),
    Unit("west_muc", "west", "Geschäftsführung München", 6, "la"),
    Unit("west_muc_p", "west_muc", "Qualitätsprüfung, Straße 7", 7, "la"),
    Unit("west_waw", "west", "Łódź i Kraków", 8, "la"),
    Unit("labs", None, 'Labs "Skunkworks" 🚀', 6, "hi"),
    Unit("labs_ai", "labs", "🤖 + 🧠", 8, "ko"),
    Unit("labs_gone", "labs", "  Archive  2019 ", 3),
    Unit("field", None, "Field Service", 19),
)

# User names as people really choose them: each needs care in a DN.
ODD_USERNAMES: Final = (
    "o'brien, pat",
    "#ops",
    " lead",
    "trail ",
    "anna+bob",
    '"quoted"',
    "semi;colon",
    r"domain\user",
    "key=value",
    "<angle>",
    "王小明",
    "Ωμέγα",
    "中村　太郎",
    "مريم",
    "zoë🌸",
    "two  spaces",
)

_LANGUAGES: Final = {
    "en": _Language(
        "{given} {family}",
        "Ashdown Brightwater Colefax Dunmore Everleigh Farrow Greystoke Hollis Ingleby Kestrel"
        " O'Rourke:orourke Pemberly",
        "Alice Ben Chloe Dylan Erin Felix Grace Harvey Isla Jack",
    ),
    "zh": _Language(
        "{family}{given}",
        "王:wang 李:li 张:zhang 刘:liu 陈:chen 杨:yang 赵:zhao 欧阳:ouyang",
        "梅:mei 小龙:xiaolong 建国:jianguo 雨桐:yutong 思远:siyuan 静:jing 浩然:haoran 婉儿:waner 𠮷祥:jixiang",
    ),
    "ja": _Language(
        "{family} {given}",
        "佐藤:sato 鈴木:suzuki 高橋:takahashi 田中:tanaka 渡邊:watanabe 髙山:takayama",
        "さくら:sakura 健太:kenta ユキ:yuki 大輔:daisuke 美咲:misaki 翔:sho",
    ),
    "ar": _Language(
        "{given} {family}",
        "الحداد:alhaddad النجار:alnajjar المصري:almasri الخطيب:alkhatib منصور:mansour",
        "ليلى:layla يوسف:yusuf فاطمة:fatima عمر:omar نور:nour",
    ),
    "ru": _Language(
        "{given} {family}",
        "Орлов:orlov Соколов:sokolov Ковальчук:kovalchuk Шевченко:shevchenko Їжакевич:yizhakevych Лебедь:lebed",
        "Олег:oleg Дарья:darya Андрій:andrii Леся:lesia Фёдор:fyodor",
    ),
    "el": _Language(
        "{given} {family}",
        "Παππάς:pappas Βλάχος:vlachos Νικολάου:nikolaou Οικονόμου:oikonomou Ζήσης:zisis",
        "Ελένη:eleni Γιώργος:giorgos Άννα:anna Ορφέας:orfeas",
    ),
    "la": _Language(
        "{given} {family}",
        "Müller:mueller Größe:groesse Lefèvre:lefevre Łukasik:lukasik Ñíguez:niguez Øvergård:oevergaard Şahin:sahin"
        " Nguyễn:nguyen",
        "Zoë:zoe Jürgen:juergen Élodie:elodie Łucja:lucja İpek:ipek Søren:soeren",
    ),
    "hi": _Language("{given} {family}", "शर्मा:sharma गुप्ता:gupta राव:rao", "आरव:aarav दिया:diya मीरा:meera"),
    "ko": _Language("{family}{given}", "김:kim 이:yi 박:park", "지우:jiwoo 민준:minjun 서연:seoyeon"),
}


def people(language: str) -> Iterator[Person]:
    """Names of a language without end; user names repeat when the names do."""
    spoken = _LANGUAGES[language]
    families, givens = ([_pair(word) for word in words.split()] for words in (spoken.families, spoken.givens))
    number = 0
    while True:
        # Every family name meets every given name before any two meet again.
        lap, place = divmod(number, len(families))
        family, given = families[place], givens[(place + lap) % len(givens)]
        yield Person(spoken.order.format(family=family[0], given=given[0]), f"{given[1]}.{family[1]}")
        number += 1


def _pair(word: str) -> tuple[str, str]:
    written, _, latin = word.partition(":")
    return written, latin or written.lower()
