"""Artists and titles from tags, by language, with which the rules of `library.sources.text` were developed.

`names_held_out` has others that were only used to measure the rules.
"""

# ruff: noqa: E501  # a table: names that belong together are on one line

from __future__ import annotations

NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "English": (
        "cp1252",
        (
            *("Livin’ on a Prayer", "Nothin’ but a Good Time", "She’s Like the Wind", "Let’s Dance"),
            *("‘Heroes’", "“Slut!”", "Sexy! No No No…", "Salt ‘n’ Pepa", "Ol’ Man River", "8½ Women", "Beyoncé"),
            *("Live – 25 Years", "72° and Sunny", "® Evolution", "Blue Öyster Cult", "Sunn O)))™", "£2 Fish"),
            *("Girls’ Generation", "Fiancée", "Who’s Afraid of the Art of Noise?", "’74–’75", "A Hard Day’s Night"),
        ),
    ),
    "German": (
        "cp1252",
        (
            *("Element of Crime – Weißes Papier", "Über den Wolken", "Höhner", "Sportfreunde Stiller – Ein Kompliment"),
            *("Männer", "Mädchen", "Die Prinzen – Küssen verboten", "Bläck Fööss", "Ö la Palöma", "Böhse Onkelz"),
            *("Schöne Grüße", "Haus am See – Für dich", "Wir müssen hier raus", "Tote Hosen – Tage wie diese für immer"),
            *("Jürgen Drews", "Udo Jürgens", "Tränen", "Götterdämmerung", "Große Freiheit", "Süßer die Glocken nie klingen"),
        ),
    ),
    "French": (
        "cp1252",
        (
            *("Françoise Hardy – Tous les garçons et les filles", "Céline Dion", "L’aigle noir", "Ne me quitte pas"),
            *("J’t’emmène au vent", "Étienne Daho", "Où sont les femmes ?", "Indochine – L’aventurier", "Mylène Farmer"),
            *("Dès que le vent soufflera", "Noir Désir", "La bohème", "C’est extra", "Léo Ferré", "À quoi ça sert l’amour"),
            *("Hélène", "Sœur Sourire", "Maître Gims", "Aïcha", "Stromae – Formidable, ça va"),
        ),
    ),
    "Spanish": (
        "cp1252",
        (
            *("Héroes del Silencio", "Maná", "¿Dónde jugarán los niños?", "Alejandro Sanz – Corazón partío", "Andrés Calamaro"),
            *("La Oreja de Van Gogh – Cuéntame al oído", "Jarabe de Palo – Depende", "Joaquín Sabina", "Sólo se vive una vez"),
            *("Rosalía", "¡Viva la Revolución!", "Los Ángeles Negros", "Mi razón de ser", "Bebé", "Antes de que cuente diez – Fito"),
            *("Añoranzas", "Niña pastori", "La flaca – Pañuelo"),
        ),
    ),
    "Nordic": (
        "cp1252",
        (
            *("Sálin hans Jóns míns", "Mammút", "Kælan Mikla", "Hjaltalín", "Emilíana Torrini", "Ásgeir", "Þokkabót"),
            *("Bo Kaspers Orkester – Söndermarken", "Håkan Hellström", "Känn ingen sorg för mig Göteborg", "Säkert!"),
            *("Kvelertak – Mjød", "Hellbillies – Ei krasafaren steinbu", "Maria Mena – Førsteklasses", "Røde Øyne"),
            *("Nik & Jay – Lækker", "Gasolin’", "Gå i fred", "Mew – Åh", "Leevi and the Leavings – Pohjois-Karjala, hyvää"),
            *("Eppu Normaali – Njet, tähän", "Yö", "Värttinä", "Sigur Rós – Svefn-g-englar á dag"),
        ),
    ),
    "Polish": (
        "cp1250",
        (
            *("Myslovitz – Długość dźwięku samotności", "Kult – Arahja, gdy nie będę", "Czesław Niemen", "Dżem – Wehikuł czasu"),
            *("Lady Pank – Mniej niż zero", "Budka Suflera – Jolka, Jolka pamiętasz", "Perfect – Nie płacz Ewka", "Grażyna Łobaszewska"),
            *("Krzysztof Krawczyk – Parostatek, pójdę", "Hej – Moja i twoja nadzieja, światło", "Świetliki", "Łzy – Agnieszka już dawno"),
            *("Małgorzata Ostrowska", "Wilki – Baśka", "Brathanki – Czerwone korale, wciąż", "Ich Troje – Powiedz, że"),
            *("Elektryczne Gitary – Człowiek z liściem", "Wisława Szymborska", "Sławomir – Miłość w Zakopanem"),
        ),
    ),
    "Czech": (
        "cp1250",
        (
            *("Karel Gott – Včelka Mája", "Lucie Bílá", "Chinaski – Každý ráno", "Kabát – Malá dáma, děvčata", "Jaromír Nohavica – Těšínská"),
            *("Tři sestry", "Buty – František", "Hana Zagorová", "Helena Vondráčková", "Wanastowi Vjecy – Otevřená zlomenina"),
            *("Žlutý pes", "Olympic – Dej mi víc své lásky, něžně", "Pražský výběr", "Čechomor", "Leoš Janáček – Její pastorkyňa"),
            *("Mňága a Žďorp", "Bedřich Smetana – Má vlast, Šárka", "Jiří Suchý"),
        ),
    ),
    "Hungarian": (
        "cp1250",
        (
            *("Illés – Miért hagytuk, hogy így legyen, őszinte", "Zorán", "Republic – Szállj el kismadár, repülő", "Bródy János – Ha én rózsa volnék, nőnék"),
            *("Szűcs Judit", "Presser Gábor – Nagy utazás, idő", "Edda Művek", "Magna Cum Laude – Vidéki lány, hű", "Kispál és a Borz – Zsákmányállat, erdő"),
            *("Quimby – Most múlik pontosan, gyönyörű", "Cseh Tamás – Születtem Magyarországon, szőlő", "Bikini – Adj helyet, fű"),
            *("Őrült szép", "Az én fűszálam", "Kőbánya blues"),
        ),
    ),
    "Turkish": (
        "cp1254",
        (
            *("Tarkan – Şımarık", "Sezen Aksu – Gülümse, aşk", "Ajda Pekkan – Bambaşka biri", "Mor ve Ötesi – Bir derdim var, değil"),
            *("Duman – Her şeyi yak", "Athena – Holigan, çığlık", "Zülfü Livaneli – Güneş topla benim için", "Candan Erçetin – Yalan, şarkı"),
            *("Teoman – Paramparça, İstanbul", "Şebnem Ferah", "Neşet Ertaş", "Aşık Veysel – Uzun ince bir yoldayım", "Erkin Koray – Şaşkın"),
            *("Kayahan – Bizimkisi bir aşk hikayesi", "Levent Yüksel – Zalim, sığmaz", "Hadise – Düm Tek Tek, ışık", "Yaşar – Divane, kuş"),
        ),
    ),
    "Russian": (
        "cp1251",
        (
            *("Наутилус Помпилиус – Крылья", "Сектор Газа", "Ногу свело!", "Браво", "Секрет", "Чичерина – Жара", "Жуки – Батарейка"),
            *("Уматурман – Прасковья", "Город 312 – Останусь", "Серьга", "Мираж – Музыка нас связала", "Ласковый май", "Юрий Шатунов"),
            *("Машина времени – Поворот", "Пелагея", "Монеточка", "Кровосток", "Эпидемия", "Ундервуд", "Эдита Пьеха", "Цветы", "Юлия Чичерина"),
            *("Зоопарк", "Аукцыон", "Ю-Питер", "Хаски", "Фейс", "Шаман", "Нюша", "Ёлочка", "Эхо", "Жанна Фриске", "Ева", "Зима", "Сны", "Ночь", "Дождь"),
            *("Грибы – Тает лёд", "Дискотека Авария – Пей пиво!", "Хор", "Щенки", "Съешь", "Экспонат", "Фабрика", "Цой жив", "ГРОБ", "ЧАЙКА", "ЮГ"),
        ),
    ),
    "Ukrainian": (
        "cp1251",
        (
            *("Воплі Відоплясова – Весна", "Плач Єремії", "Тартак – Я не хочу", "Океан Ельзи – Обійми", "Руслана – Дикі танці"),
            *("Христина Соловій – Тримай", "Один в каное – Човен", "Ґрунтовий шлях", "Джамала", "Калуш – Стефанія", "Тіна Кароль"),
            *("Червона рута", "Ніч яка місячна", "Їхали козаки", "Ще не вмерла", "Антитіла – Лови момент", "Жадан і Собаки", "Друга Ріка"),
        ),
    ),
    "Greek": (
        "cp1253",
        (
            *("Γιώργος Νταλάρας", "Χαρούλα Αλεξίου – Όλα σε θυμίζουν", "Μάνος Χατζιδάκις", "Βασίλης Παπακωνσταντίνου", "Νίκος Ξυλούρης"),
            *("Άννα Βίσση", "Αντώνης Ρέμος", "Τα παιδιά του Πειραιά", "Συννεφιασμένη Κυριακή", "Δέσποινα Βανδή", "Σωκράτης Μάλαμας"),
            *("Στέλιος Καζαντζίδης", "Ελευθερία Αρβανιτάκη", "Θανάσης Παπακωνσταντίνου", "Φραγκοσυριανή", "Αγάπη μου", "Πυξ Λαξ"),
        ),
    ),
    "Japanese": (
        "cp932",
        (
            *("椎名林檎", "米津玄師", "星野源", "中島みゆき", "浜崎あゆみ", "松任谷由実", "サザンオールスターズ", "久石譲", "坂本龍一"),
            *("いきものがかり", "スピッツ", "ゆず", "夜に駆ける", "上を向いて歩こう", "残酷な天使のテーゼ", "千本桜", "津軽海峡・冬景色"),
            *("槇原敬之", "小田和正", "ドリームズ・カム・トゥルー", "紅", "ひまわりの約束"),
        ),
    ),
    "Chinese": (
        "gbk",
        (
            *("王菲", "张学友", "刘德华", "陈奕迅", "孙燕姿", "蔡依林", "崔健", "一无所有", "朴树", "许巍", "李宗盛", "张国荣"),
            *("十年", "同桌的你", "光辉岁月", "后来", "红豆", "童年", "我的中国心", "千里之外", "小幸运", "梁静茹"),
        ),
    ),
    "Chinese, traditional": (
        "big5",
        (
            *("張惠妹", "五月天", "伍佰", "羅大佑", "張雨生", "蔡琴", "陳綺貞", "梅豔芳", "海闊天空", "挪威的森林"),
            *("我是一隻小小鳥", "聽海", "倒帶", "江蕙", "費玉清"),
        ),
    ),
    "Korean": (
        "cp949",
        (
            *("조용필", "이문세", "김광석", "서태지와 아이들", "빅뱅", "소녀시대", "거북이", "윤도현 밴드", "자우림", "박효신", "이승철"),
            *("붉은 노을", "광화문 연가", "서른 즈음에", "봄날", "벚꽃 엔딩", "돌아와요 부산항에", "눈의 꽃", "강남스타일", "가시나무"),
        ),
    ),
}  # fmt: skip
