"""The rows of the rental database: a pure function of seed and scale to SQL text."""
import json
import random
import struct

RENTAL_BASE = 9223372036854775808  # rental ids lie above 2^63 - 1 on purpose
BATCH_BYTES = 200_000
QUIET = ["country", "brand", "price_history", "service_area", "translation", "sample_value"]


class Counts:
    """How many rows each table begins with; ids run from 1 to the count without a gap."""

    def __init__(self, scale):
        def n(at_one, least):
            return max(least, int(at_one * scale))
        self.city = n(600, 20)
        self.store = n(30, 4)
        self.staff = n(240, 12)
        self.address = n(22_000, 60)
        self.customer = n(20_000, 40)
        self.note = n(9_000, 20)
        self.item = n(3_000, 30)
        self.picture = n(1_500, 10)
        self.inventory = n(12_000, 40)
        self.rental = n(75_000, 60)
        self.extra = n(35_000, 30)
        self.payment = n(75_000, 60)
        self.invoice = n(16_000, 30)
        self.reservation = n(9_000, 20)
        self.coupon = n(400, 10)
        self.coupon_use = n(5_000, 10)
        self.parking = n(400, 16)
        self.damage = n(2_500, 10)
        self.audit = n(12_000, 20)


FIRST = ["Ada", "José", "Zoë", "Łukasz", "Nguyễn", "Мария", "美咲", "Ólafur", "Siân", "Grace", "Omar", "Ines",
         "Björn", "Chloé", "Dmitri", "Eva", "Farah", "Gül", "Hana", "Ivo", "Jun", "Kofi", "Lea", "Mía"]
LAST = ["Müller", "O'Brien", "García", "Østergård", "Smith", "Иванов", "佐藤", "Nováková", "D'Angelo", "Yılmaz",
        "van der Berg", "Kowalski", "Silva", "Haddad", "Kim", "Andersson", "Rossi", "Dubois", "Papadopoulos"]
WORDS = ("compact electric cargo trailer ladder drill generator tent mower mixer scaffold pump kayak bicycle van lorry "
         "reliable light heavy quiet winter summer mountain city long short blue automatic manual foldable spare "
         "with without battery charger helmet rack tow bar snow chains safe cheap premium used refurbished").split()
COLOURS = ["red", "blue", "green", "black", "white", "silver", "grün", "желтый", "青"]
COUNTRIES = [("AU", "Australia", "Oceania", "left"), ("AT", "Österreich", "Europe", "right"),
             ("BR", "Brasil", "America", "right"), ("CA", "Canada", "America", "right"),
             ("CZ", "Česko", "Europe", "right"), ("DE", "Deutschland", "Europe", "right"),
             ("EG", "مصر", "Africa,Asia", "right"), ("ES", "España", "Europe", "right"),
             ("FR", "France", "Europe", "right"), ("GB", "United Kingdom", "Europe", "left"),
             ("GR", "Ελλάδα", "Europe", "right"), ("IN", "भारत", "Asia", "left"),
             ("JP", "日本", "Asia", "left"), ("KE", "Kenya", "Africa", "left"), ("KR", "한국", "Asia", "right"),
             ("MX", "México", "America", "right"), ("NZ", "Aotearoa", "Oceania", "left"),
             ("PL", "Polska", "Europe", "right"), ("RU", "Россия", "Europe,Asia", "right"),
             ("TR", "Türkiye", "Europe,Asia", "right"), ("US", "United States", "America", "right"),
             ("ZA", "South Africa", "Africa", "left")]
ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"})


def q(text):
    """An SQL string literal, or NULL."""
    return "NULL" if text is None else "'" + text.translate(ESCAPES) + "'"


def x(data):
    return "NULL" if data is None else "x'" + data.hex() + "'"


def maybe(rng, share, value):
    return value if rng.random() < share else None


def sentence(rng, words):
    return " ".join(rng.choices(WORDS, k=words))


def when(rng):
    return "20%02d-%02d-%02d %02d:%02d:%02d" % (rng.randint(15, 26), rng.randint(1, 12), rng.randint(1, 28),
                                               rng.randrange(24), rng.randrange(60), rng.randrange(60))


def micro(rng):
    return when(rng) + ".%06d" % rng.randrange(1_000_000)


def day(rng):
    return when(rng)[:10]


def document(rng, keys):
    doc = {}
    for _ in range(keys):
        kind = rng.randrange(8)
        value = [rng.randint(-2**63, 2**63 - 1), rng.random() * 1e6, True, None, sentence(rng, 3), rng.choice(LAST),
                 [rng.randrange(9), "ü", {"deep": [rng.randrange(99)]}], 2**64 - 1 - rng.randrange(99)][kind]
        doc[rng.choice(WORDS)] = value
    return doc


def js(doc):
    return q(json.dumps(doc, ensure_ascii=False))


def point(rng, srid=0):
    return "ST_GeomFromText('POINT(%.6f %.6f)', %d)" % (rng.uniform(-80, 80), rng.uniform(-179, 179), srid)


def vector(rng, dims):
    return x(struct.pack("<%df" % dims, *(rng.uniform(-1, 1) for _ in range(dims))))


def countries(rng, c):
    for i, (iso, name, parts, side) in enumerate(COUNTRIES, 1):
        yield f"{i},{q(iso)},{q(name)},{q(parts)},{q(side)}"


def cities(rng, c):
    for i in range(1, c.city + 1):
        name = f"{rng.choice(LAST)}-{rng.choice(['stadt', 'ville', 'ton', 'град', '市'])} {i}"
        lon, lat = rng.uniform(-170, 170), rng.uniform(-70, 70)
        plan = maybe(rng, .3, "ST_GeomFromText('LINESTRING(0 0, %d %d.5, -7 1e3)')" % (i, i)) or "NULL"
        yield (f"{i},{rng.randint(1, len(COUNTRIES))},{q(name)},ST_GeomFromText('POINT({lat:.5f} {lon:.5f})', 4326),"
               f"{plan},{rng.randint(900, 4_000_000_000)}")


def addresses(rng, c):
    for i in range(1, c.address + 1):
        line2 = maybe(rng, .3, rng.choice(["Hinterhof", "2º piso", "appartement €5", "c/o Müßig"]))
        yield (f"{i},{rng.randint(1, c.city)},{q('%s %d, Straße' % (rng.choice(['Rue É', 'Calle Ñ', 'Weg', 'Ave']), i))},"
               f"{q(line2)},{q('%05d' % rng.randrange(100_000))},{q('+%d' % rng.randrange(10**11))},{q(when(rng))}")


def stores(rng, c):
    for i in range(1, c.store + 1):
        offset = rng.choice(["-838:59:59.000000", "838:59:59.000000", "-00:00:00.000001", "05:30:00.250000"])
        services = rng.choice(["", "delivery", "delivery,night", "fuel and charge,owner's club", "repair"])
        yield (f"{i},{rng.randint(1, c.address)},{i},{q('Store %d “%s”' % (i, rng.choice(LAST)))},'0{rng.randint(6, 9)}:00:00',"
               f"'{rng.randint(17, 22)}:45:00',{q(offset)},{q(services)},{x(rng.randbytes(rng.randint(0, 3000)))}")


def staff(rng, c):
    for i in range(1, c.staff + 1):
        boss = "NULL" if i <= c.store else str(rng.randint(1, c.store))
        yield (f"{i},{(i - 1) % c.store + 1},{boss},{q('user%d' % i)},{q(rng.choice(FIRST) + ' ' + rng.choice(LAST))},"
               f"{x(rng.randbytes(31) + bytes(1))},{rng.randint(1970, 2026)},{rng.randint(0, 10**9) / 100:.2f},"
               f"{rng.randrange(2)},{rng.randrange(2**40)},{x(maybe(rng, .5, rng.randbytes(rng.randint(0, 400))))}")


def customers(rng, c):
    sjis = ["日本語のメモ", "ソース表", "ｶﾅ", "plain", ""]
    for i in range(1, c.customer + 1):
        first, last = rng.choice(FIRST), rng.choice(LAST)
        born = "0000-00-00" if rng.random() < .05 else day(rng).replace("20", "19", 1)
        prefs = js(document(rng, rng.randint(0, 5))) if rng.random() < .6 else "NULL"
        yield (f"{i},{rng.randint(1, c.store)},{rng.randint(1, c.address)},{x(rng.randbytes(16))},"
               f"{q('User%d.%s@Example.org' % (i, last.split()[0].lower()))},{q(first)},{q(last)},{q(born)},{prefs},"
               f"{rng.randrange(4096)},{rng.randint(-999_999, 10**12)},{rng.randint(-10**8, 10**8) / 10**4:.4f},"
               f"{q(maybe(rng, .2, rng.choice(sjis)))},{q(maybe(rng, .3, '%x' % rng.getrandbits(128)))},"
               f"{q(micro(rng))},{q(micro(rng)[:-3])}")


def notes(rng, c):
    for i in range(1, c.note + 1):
        body = rng.choice(["客户很满意", "请打电话", "called twice", "還沒有付款"]) + " " + sentence(rng, rng.randint(1, 40))
        yield f"{i},{rng.randint(1, c.customer)},{q(body)},{q(micro(rng)[:-3])}"


def categories(rng, c):
    for i in range(1, 41):
        yield f"{i},{'NULL' if i < 9 else rng.randint(1, 8)},{q('%s %d' % (WORDS[i], i))}"


def brands(rng, c):
    for i in range(1, 81):
        story = sentence(rng, 30) + " 🚲" if i % 3 else None
        yield f"{i},{q('%s & %s №%d' % (rng.choice(LAST), rng.choice(LAST), i))},{q(story)}"


def items(rng, c):
    for i in range(1, c.item + 1):
        doc = document(rng, rng.randint(0, 4))
        if rng.random() < .9:
            doc["colour"] = rng.choice(COLOURS)
        mass = rng.choice(["NULL", "0", repr(rng.uniform(0, 1e4)), repr(rng.uniform(-1, 1) * 10.0**rng.randint(-300, 300))])
        size = "%.8e" % struct.unpack("f", struct.pack("f", rng.uniform(0, 500)))[0]
        yield (f"{i},{rng.randint(1, 80)},{q(sentence(rng, 4).title())},{q(maybe(rng, .9, sentence(rng, rng.randint(5, 60))))},"
               f"{rng.randint(100, 90_000) / 100:.2f},{js(doc)},{rng.randint(1, 5)},{rng.randint(1990, 2026)},"
               f"{size},{mass},{maybe(rng, .5, vector(rng, 8)) or 'NULL'}")


def item_categories(rng, c):
    for i in range(1, c.item + 1):
        for k in sorted(rng.sample(range(1, 41), rng.randint(1, 3))):
            yield f"{i},{k}"


def pictures(rng, c):
    for i in range(1, c.picture + 1):
        size = 150_000 if i % 500 == 7 else rng.randint(0, 2500)
        yield (f"{(i - 1) % c.item + 1},{i // c.item},{rng.randint(1, 3)},{q(maybe(rng, .7, 'Bild ' + sentence(rng, 3)))},"
               f"{x(rng.randbytes(rng.randint(0, 255)))},{x(maybe(rng, .9, rng.randbytes(size)))}")


def prices(rng, c):
    for i in range(1, c.item + 1):
        for year in range(2019, 2026):
            yield f"{i},'{year}-0{rng.randint(1, 9)}-01',{rng.randint(100, 90_000) / 100:.2f},{q(maybe(rng, .5, sentence(rng, 2)))}"


def inventory(rng, c):
    for i in range(1, c.inventory + 1):
        parked = point(rng) if rng.random() < .2 else "NULL"
        yield (f"{i},{rng.randint(1, c.item)},{rng.randint(1, c.store)},{x(struct.pack('>I', i) + rng.randbytes(rng.randint(0, 20)))},"
               f"{rng.randrange(2**24)},{parked}")


def rentals(rng, c):
    seen = set()
    for i in range(1, c.rental + 1):
        taken = when(rng)
        while taken in seen:  # keeps the unique key (taken, inventory_id, customer_id)
            taken = when(rng)
        seen.add(taken)
        back = q(taken[:11] + "23:59:59") if rng.random() < .85 else "NULL"
        person = str(rng.randint(1, c.staff)) if rng.random() < .95 else "NULL"
        yield (f"{RENTAL_BASE + i},{rng.randint(1, c.inventory)},{rng.randint(1, c.customer)},{person},{q(taken)},{back},"
               f"{q(micro(rng))}")


def extras(rng, c):
    for i in range(1, c.extra + 1):
        yield (f"{RENTAL_BASE + (i * 2) % c.rental + 1},{i * 2 // c.rental},{q(rng.choice(['helmet', 'insurance', 'čistění', 'GPS ']))},"
               f"{rng.randint(-10**6, 10**6) / 1000:.3f}")


def payments(rng, c):
    for i in range(1, c.payment + 1):
        ref = str(RENTAL_BASE + rng.randint(1, c.rental)) if rng.random() < .9 else "NULL"
        yield (f"{i},{rng.randint(1, c.customer)},{ref},{rng.randint(0, 10**6) / 100:.2f},{rng.randint(1, 3)},"
               f"{q(micro(rng)) if rng.random() < .97 else 'NULL'}")


def invoices(rng, c):
    for i in range(1, c.invoice + 1):
        total = "%s%d.%030d" % (rng.choice(["", "-"]), rng.randrange(10**rng.randint(1, 35)), rng.randrange(10**30))
        text = sentence(rng, rng.choice([2, 20, 60])) if i % 800 else sentence(rng, 12_000)
        due = "0000-00-00" if i % 50 == 0 else day(rng)
        yield f"{q('R-%08d' % i)},{rng.randint(1, c.customer)},{q(day(rng))},{q(due)},{total},{q(maybe(rng, .6, text))}"


def invoice_lines(rng, c):
    for i in range(1, c.invoice + 1):
        for line in range(1, rng.randint(1, 4)):
            yield f"{q('R-%08d' % i)},{line},{q(sentence(rng, 3))},{rng.uniform(-1e5, 1e5)!r}"


def reservations(rng, c):
    for i in range(1, c.reservation + 1):
        yield (f"{x(struct.pack('>I', i) + rng.randbytes(11) + bytes(1))},{rng.randint(1, c.customer)},{rng.randint(1, c.item)},"
               f"{q(micro(rng)[:-3])},'{rng.choice(['-', ''])}0{rng.randrange(9)}:{rng.randint(10, 59)}:00.125',"
               f"{q(maybe(rng, .4, rng.choice(['早上来', 'ring the bell', ' spaces  ', '预约'])))}")


def coupons(rng, c):
    for i in range(1, c.coupon + 1):
        yield f"{q('%s-%d' % (rng.choice(['Spar', 'SPAR', 'spår', 'été']), i))},{rng.randint(1, 100)},0,{q(maybe(rng, .8, day(rng)))}"


def coupon_uses(rng, c):
    codes = [row.split(",")[0] for row in coupons(random.Random("coupon"), c)]
    pairs = set()
    while len(pairs) < c.coupon_use:
        pairs.add((rng.randrange(c.coupon), rng.randint(1, c.customer)))
    for code, customer in sorted(pairs):
        yield f"{codes[code]},{customer},{q(micro(rng)[:-5])}"


def parking(rng, c):
    for i in range(1, c.parking + 1):
        yield f"{i},{i},{i if i % 2 and i <= c.inventory else 'NULL'}"


def damages(rng, c):
    shapes = ["POINT(1 2)", "LINESTRING(0 0,1.5 1e-9,2 2)", "POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 2,1 1))",
              "MULTIPOINT((1 1),(2 2))", "GEOMETRYCOLLECTION(POINT(9 9),LINESTRING(1 1,0 0))"]
    for i in range(1, c.damage + 1):
        shape = f"ST_GeomFromText({q(rng.choice(shapes))}, {rng.choice([0, 3857])})" if rng.random() < .7 else "NULL"
        yield (f"{i},{RENTAL_BASE + rng.randint(1, c.rental)},{rng.randint(-128, 127)},{shape},{rng.uniform(0, 1e4):.8e},"
               f"{q(maybe(rng, .8, sentence(rng, 12)))},{js([document(rng, 2), rng.randrange(9)])}")


def areas(rng, c):
    for i in range(1, 41):
        a, b = rng.uniform(-60, 60), rng.uniform(-170, 170)
        ring = f"{a:.4f} {b:.4f},{a + 1:.4f} {b:.4f},{a + 1:.4f} {b + 1:.4f},{a:.4f} {b + 1:.4f},{a:.4f} {b:.4f}"
        yield (f"{i},{q('Area %d' % i)},ST_GeomFromText('POLYGON(({ring}))',4326),"
               f"ST_GeomFromText('MULTILINESTRING((0 0,{i} {i}),(5 5,6 6,7 {i}.5))'),"
               f"ST_GeomFromText('MULTIPOINT((1 {i}),(2 2))',{rng.choice([0, 4326])}),"
               f"ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),GEOMETRYCOLLECTION(POINT({i} 0)))')")


def translations(rng, c):
    texts = {"de_DE": ("Schlüssel", None, None, "Schlüssel", None), "ja_JP": ("鍵", "鍵", "鍵", "鍵", None),
             "zh_CN": ("钥匙🔑", None, "钥匙", "钥匙🔑", None), "ru_RU": ("ключ", "ключ", "ключ", "ключ", "ключ")}
    for lang, row in texts.items():
        for i in range(60):
            cells = ",".join(q(None if t is None else f"{t} {i}") for t in row)
            yield f"{q(lang)},{q('label é %d' % i)},{cells}"


def sample_values(rng, c):
    columns = SAMPLE_COLUMNS.split()
    nulls = ["NULL"] * len(columns)
    yield "1," + ",".join(nulls)
    low = ["-128", "0", "-32768", "0", "-8388608", "0", "-2147483648", "0", "-9223372036854775808", "0", "0", "0",
           "-" + "9" * 35 + "." + "9" * 30, "-" + "9" * 65, "-3.4028234663852886e38", "-1.7976931348623157e308", "0", "0", "0",
           "'0000-00-00'", "'0000-00-00 00:00:00'", "'1000-01-01 00:00:00.000000'", "'0000-00-00 00:00:00'",
           "'1970-01-01 00:00:01.000000'", "'-838:59:59'", "'-838:59:59.000000'", "''", "''", "x''", "x''", "''", "''",
           "''", "''", "''", "''", "x''", "x''", "x''", "x''", "'[]'", x(struct.pack("<3f", 0, -1.5, 1e-38)),
           "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')"]
    high = ["127", "255", "32767", "65535", "8388607", "16777215", "2147483647", "4294967295", "9223372036854775807",
            "18446744073709551615", "99999999", "1", "9" * 35 + "." + "9" * 30, "9" * 65, "3.4028234663852886e38",
            "1.7976931348623157e308", "b'1'", "b'" + "1" * 64 + "'", "2155", "'9999-12-31'", "'9999-12-31 23:59:59'",
            "'9999-12-31 23:59:59.999999'", "'2038-01-19 03:14:07'", "'2038-01-19 03:14:07.999999'", "'838:59:59'",
            "'838:59:58.999999'", q("ÿ" * 10), q("🚗" * 500), x(b"\xff" * 8), x(b"\0\xff" * 150), q("c'd"), "'x,y,z'",
            q("ü" * 127), q("t" * 65535), q("é" * 40_000), q("long\n\t\\'\"" * 8000), x(bytes(range(255))), x(bytes(65535)),
            x(b"\x1a\r\n\0" * 20_000), x(b"\xde\xad" * 60_000),
            js({"a": [1, 2.5, -0.25, 1e100, 5e-324, True, None, "\u0001\"\\/é🚀"], "": {}, "big": 2**64 - 1, "neg": -2**63}),
            x(struct.pack("<3f", 3.4e38, 1.0, -2.0)), "ST_GeomFromText('POINT(45 170)', 4326)"]
    odd = {2: ("e", "'A,b'"), 4: ("g", "5e-324"), 5: ("g", "0.1"), 6: ("f", "0.1"), 7: ("f", "1.17549435e-38"),
           8: ("da", "'2024-02-31'"), 9: ("da", "'2024-00-10'"), 10: ("bin", "x'6100000000000000'"),
           11: ("vc", q("trailing  ")), 12: ("c", q("a\t")), 13: ("vb", "x'2027000d0a5c'"), 14: ("y", "0"),
           15: ("j", "JSON_OBJECT('d', CAST('2024-01-02' AS DATE), 't', CAST('-12:00:00.5' AS TIME(6)), "
                     "'n', CAST('1.10' AS DECIMAL(5,2)), 'dt', CAST('2024-01-02 03:04:05.6' AS DATETIME(6)))"),
           16: ("j", "'\"scalar\"'"), 17: ("j", "'null'"), 18: ("j", "'18446744073709551615'"), 19: ("tx", "''")}
    yield "2," + ",".join(low)
    yield "3," + ",".join(high)
    for i, (column, value) in odd.items():
        row = list(nulls)
        row[columns.index(column)] = value
        yield f"{i + 2}," + ",".join(row)
    for i in range(30, 230):
        row = [str(rng.randint(-128, 127)), str(rng.randrange(256)), str(rng.randint(-2**15, 2**15 - 1)), str(rng.randrange(2**16)),
               str(rng.randint(-2**23, 2**23 - 1)), str(rng.randrange(2**24)), str(rng.randint(-2**31, 2**31 - 1)),
               str(rng.randrange(2**32)), str(rng.randint(-2**63, 2**63 - 1)), str(rng.randrange(2**64)), str(rng.randrange(10**8)),
               str(rng.randrange(2)), "%d.%030d" % (rng.randrange(10**35), rng.randrange(10**30)), str(rng.randrange(10**65)),
               "%.8e" % rng.uniform(-1e30, 1e30), repr(rng.uniform(-1, 1) * 10.0**rng.randint(-290, 290)), str(rng.randrange(2)),
               str(rng.randrange(2**64)), str(rng.randint(1901, 2155)), q(day(rng)), q(when(rng)), q(micro(rng)), q(when(rng)),
               q(micro(rng)), "'-%d:59:01'" % rng.randrange(838), "'%d:00:59.000007'" % rng.randrange(838), q(rng.choice(LAST)[:10]),
               q(sentence(rng, 5)), x(rng.randbytes(8)), x(rng.randbytes(rng.randrange(300))), str(rng.randint(1, 4)),
               str(rng.randrange(8)), q(sentence(rng, 3)), q(sentence(rng, 9)), q(sentence(rng, 9)), q(sentence(rng, 9)),
               x(rng.randbytes(9)), x(rng.randbytes(99)), x(rng.randbytes(99)), x(rng.randbytes(99)), js(document(rng, 6)),
               vector(rng, 3), point(rng)]
        yield f"{i}," + ",".join(row)


SAMPLE_COLUMNS = ("t tu s su m mu i iu b bu z truth d d0 f g bit1 bit64 y da dt dt6 ts ts6 ti ti6 c vc bin vb e st "
                  "tt tx mt lt tb bl mb lb j v geo")


def audits(rng, c):
    for i in range(1, c.audit + 1):
        # Every fifth row is there three times: without a key only the count tells them apart.
        row = f"{q(micro(rng))},{q('user%d@store' % rng.randrange(99))},{rng.randint(1, 4)},{q('rental/%d' % i)},{js(document(rng, 1))}"
        for _ in range(3 if i % 5 == 0 else 1):
            yield row


TABLES = [
    ("country", "", countries), ("city", "", cities), ("address", "", addresses), ("store", "", stores), ("staff", "", staff),
    ("customer", "(customer_id,store_id,address_id,uuid,email,first_name,last_name,born,preferences,flags,points,credit,"
                 "remark,token,created,changed)", customers),
    ("customer_note", "", notes), ("category", "", categories), ("brand", "", brands),
    ("item", "(item_id,brand_id,title,description,daily_rate,attributes,rating,built,`größe`,mass,embedding)", items),
    ("item_category", "", item_categories), ("item_picture", "", pictures), ("price_history", "", prices),
    ("inventory", "", inventory),
    ("rental", "(rental_id,inventory_id,customer_id,staff_id,taken,returned,changed)", rentals),
    ("rental_extra", "", extras), ("payment", "", payments), ("invoice", "", invoices), ("invoice_line", "", invoice_lines),
    ("reservation", "", reservations), ("coupon", "", coupons), ("coupon_use", "", coupon_uses), ("parking_slot", "", parking),
    ("damage_report", "", damages), ("service_area", "", areas), ("translation", "", translations),
    ("sample_value", "", sample_values), ("audit_log", "", audits),
]


def print_rows(out, seed, scale):
    counts = Counts(scale)
    out.write("USE rental;\nSET NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci;\n"
              "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO',"
              " time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0, autocommit = 0;\n")
    for name, columns, rows in TABLES:
        # A generator of its own for each table: a change to one leaves the others' rows as they are.
        rng = random.Random("coupon" if name == "coupon" else f"{seed}/{name}")
        head, batch, size = f"INSERT INTO {name} {columns} VALUES\n", [], 0
        for row in rows(rng, counts):
            batch.append(row)
            size += len(row)
            if size > BATCH_BYTES:
                out.write(head + "(" + "),\n(".join(batch) + ");\n")
                batch, size = [], 0
        if batch:
            out.write(head + "(" + "),\n(".join(batch) + ");\n")
        out.write("COMMIT;\n")
