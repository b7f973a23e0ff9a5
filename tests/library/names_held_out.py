"""Artists and titles from tags, by language, to measure guesses of encodings.

No rule in `library.sources.text` was developed with them. `names` has those that were.
"""

# ruff: noqa: E501  # a table: names that belong together are on one line

from __future__ import annotations

HELD_OUT: dict[str, tuple[str, tuple[str, ...]]] = {
    "English": (
        "cp1252",
        (
            *("You’ve Got a Friend", "Don’t You (Forget About Me)", "Rockin’ in the Free World", "Joe’s Garage", "‘Round Midnight"),
            *("Michelle Branch – Everywhere", "Wouldn’t It Be Nice", "I’m Not in Love", "Café del Mar", "“Crosseyed and Painless”"),
            *("It’s a Sin", "98.6° in the Shade", "P!nk – What’s Up?", "Mötley Crüe", "So… What", "2½ Minutes to Midnight"),
        ),
    ),
    "German": (
        "cp1252",
        (
            *("Die Toten Hosen – Bayern, Köln", "Rammstein – Führe mich", "Herbert Grönemeyer", "Bömmel", "Wölfe mitten im Mai"),
            *("Nena – 99 Luftballons für dich", "Peter Fox – Schwarz zu blau, Dächer", "Einstürzende Neubauten", "Fettes Brot – Nordisch by Nature"),
            *("Schöner fremder Mann", "Ich lass’ für dich das Licht an", "Silbermond – Das Beste, Glück", "Abschiedsbrief an die Löwen", "Weiß der Geier"),
        ),
    ),
    "French": (
        "cp1252",
        (
            *("Édith Piaf", "Non, je ne regrette rien – été", "Mireille Mathieu – Une histoire d’amour", "Téléphone", "Ça, c’est vraiment toi"),
            *("Véronique Sanson", "L’été indien", "Jacques Brel – Le plat pays, où", "Les Négresses Vertes", "Mon père était tellement de gauche"),
            *("Prière païenne", "Cœur de loup", "Je t’aime… moi non plus", "Zaz – Éblouie par la nuit", "Bénabar"),
        ),
    ),
    "Spanish": (
        "cp1252",
        (
            *("Mecano – Hijo de la luna, mañana", "Café Quijano", "¿Quién me ha robado el mes de abril?", "Natalia Lafourcade – Hasta la raíz"),
            *("Julio Jaramillo – Nuestro juramento, corazón", "Estopa – Tu calorro, pasión", "Juan Luis Guerra – Burbujas de amor", "¡Ay, Jalisco, no te rajes!"),
            *("Amaia – Bienvenidos al show, ésta", "Celia Cruz – La negra tiene tumbao, azúcar", "Peret – Borriquito, señor", "Chavela Vargas – La llorona, último"),
        ),
    ),
    "Nordic": (
        "cp1252",
        (
            *("Björk – Jóga", "Of Monsters and Men – Öll þessi ár", "Kent – Då som nu för alltid", "Veronica Maggio – Jag kommer, måndag"),
            *("Carola – Främling", "Monica Zetterlund – Sakta vi gå genom stan", "Kari Bremnes – Søvnløs", "DumDum Boys – Splitter pine, så"),
            *("TV-2 – Bag duggede ruder, på", "Anne Linnet – Smuk og dejlig, kærlighed", "Juice Leskinen – Syksyn sävel", "J. Karjalainen – Hän"),
        ),
    ),
    "Polish": (
        "cp1250",
        (
            *("Maanam – Kocham cię, kochanie moje", "Republika – Biała flaga", "Stare Dobre Małżeństwo", "T.Love – Warszawa, śnieg", "Mieczysław Fogg"),
            *("Anna Jantar – Nic nie może wiecznie trwać", "Varius Manx – Orła cień", "Edyta Górniak – To nie ja, życie", "Kazik – Cztery pokoje, jesień"),
            *("Zakopower – Boso, góry źródła", "Dawid Podsiadło", "Kayah – Śpij kochanie śpij", "Ewa Demarczyk – Grande Valse Brillante, łąka"),
        ),
    ),
    "Czech": (
        "cp1250",
        (
            *("Marta Kubišová – Modlitba pro Martu, závist", "Michal Prokop – Kolej Yesterday, běžím", "Petr Janda – Jasná zpráva, řeka", "Mig 21 – Snadné je žít"),
            *("Xindl X – V blbým věku", "Lucie – Amerika, ráj ještě", "Lenka Filipová – Zamilovaná, čas", "Waldemar Matuška", "Eva Pilarová – Rekviem, šaty"),
            *("Ewa Farna – Měls mě vůbec rád", "Škwor", "Traktor – Letokruhy, příběh"),
        ),
    ),
    "Hungarian": (
        "cp1250",
        (
            *("Omega – Gyöngyhajú lány, őrangyal", "Locomotiv GT – Neked írom a dalt, szerető", "Halott Pénz – Darabokra törted a szívem, ő", "Ákos – Ilyenek voltunk, idő"),
            *("Bródy – Földvár felé félúton, esőben", "Koncz Zsuzsa – Jöjj kedvesem, hűség", "Hobo – Vadászat, tűz", "Demjén Ferenc – Honnan tudhatnád, jövő"),
            *("Zámbó Jimmy – Valahol bús dal szól, szép idők", "Kovács Kati – Add már, uram, az esőt"),
        ),
    ),
    "Turkish": (
        "cp1254",
        (
            *("Barış Manço – Dağlar dağlar", "Cem Karaca – Tamirci çırağı", "İbrahim Tatlıses", "Sertab Erener – Aşk, her şeye rağmen", "Müzeyyen Senar – Şarkılar seni söyler"),
            *("maNga – Bir kadın çizeceksin, dünya", "Kenan Doğulu – Çakkıdı", "Nazan Öncel – Geceler kara tren, aşkım", "Orhan Gencebay – Batsın bu dünya", "Serdar Ortaç – Karabiberim, gözlerin"),
        ),
    ),
    "Russian": (
        "cp1251",
        (
            *("Земфира – Искала", "Мумий Тролль", "Чиж", "Танцы минус – Половинка", "Високосный год", "Ленинград – Экспонат", "Кино – Пачка сигарет"),
            *("Ария – Штиль", "Пикник", "Алла Пугачёва – Айсберг", "Филипп Киркоров", "Валерий Леонтьев", "Цой", "Эра", "Фея", "Шут", "Хит", "Чай", "Юра", "Ёлка"),
            *("Лиза", "Хочешь", "Снег", "Эй, ямщик", "Гости из будущего", "Иванушки International", "Дима Билан", "Жасмин", "Чёрный кот", "Фига.Ро"),
            *("Любовные истории", "Щегол", "ДК", "АукцЫон", "Глюкоза – Невеста", "Макс Корж", "Хабиб", "Эльдар", "Яблоко", "ЦАРЬ", "Порнофильмы", "Дюна"),
        ),
    ),
    "Ukrainian": (
        "cp1251",
        (
            *("Скрябін – Місця щасливих людей", "Бумбокс – Вахтерам", "Кому вниз", "Брати Гадюкіни", "Ой чий то кінь стоїть", "Тік – Білі троянди", "Мотор’ролла"),
            *("Злива", "Ой у гаю при Дунаю", "Пиріг і батіг", "Даха Браха – Карпатський реп", "Ірина Білик", "Сонце", "Чорнобривці", "Хай буде", "Є"),
        ),
    ),
    "Greek": (
        "cp1253",
        (
            *("Μαρία Φαραντούρη", "Διονύσης Σαββόπουλος", "Γιάννης Πάριος", "Πάμε μια βόλτα στο φεγγάρι", "Σταύρος Ξαρχάκος", "Νατάσσα Θεοδωρίδου"),
            *("Σ’ αγαπώ", "Τα ξύλινα σπαθιά", "Φίλιππος Πλιάτσικας", "Κώστας Χατζής", "Θάλασσα", "Ο Μπιθικώτσης", "Σάκης Ρουβάς – Πάρε με"),
        ),
    ),
    "Japanese": (
        "cp932",
        (
            *("美空ひばり", "川の流れのように", "山下達郎", "クリスマス・イブ", "安室奈美恵", "東京事変", "丸ノ内サディスティック", "藤井風", "きらり", "矢沢永吉"),
            *("さくら（独唱）", "長渕剛", "乾杯", "中森明菜", "少年時代", "ルビーの指環", "竹内まりや", "プラスティック・ラブ"),
        ),
    ),
    "Chinese": (
        "gbk",
        (
            *("周华健", "朋友", "那英", "征服", "林俊杰", "江南", "刀郎", "汪峰", "北京北京", "老狼", "凤凰传奇", "月亮之上", "毛不易", "消愁", "苏打绿", "薛之谦", "甜蜜蜜", "容祖儿"),
        ),
    ),
    "Chinese, traditional": (
        "big5",
        (*("周華健", "孫燕姿", "遇見", "王力宏", "蘇打綠", "小情歌", "林憶蓮", "至少還有你", "張學友", "吻別", "滾石樂隊", "愛情轉移"),),
    ),
    "Korean": (
        "cp949",
        (
            *("패티김", "나훈아", "심수봉", "백지영", "총 맞은 것처럼", "김범수", "보고 싶다", "이선희", "인연", "잔나비", "주저하는 연인들을 위해", "들국화"),
            *("행진", "신해철", "그대에게", "혁오", "위잉위잉", "악동뮤지션"),
        ),
    ),
}  # fmt: skip
