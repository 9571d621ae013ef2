"""Names in every character set of the shared data are what the portal greets people with (PS3.5 6.1.2)."""

import re
from html import unescape
from pathlib import Path
from typing import Final

from tests.gateway.portal_house import opened, sign_in
from tests.support.corpus import needs_shared, shared

# By file; those that are missing are further encodings of the same instance, or none that can be kept.
GREETED: Final = {
    "chrArab": "لنزار قباني",
    "chrFren": "Jérôme Buc",
    "chrGB2312": "XiaoDong Zhang",
    "chrGerm": "Rüdiger Äneas",
    "chrGreek": "Διονυσιος",
    "chrH31": "Tarou Yamada",
    "chrH32": "ﾀﾛｳ ﾔﾏﾀﾞ",
    "chrHbrw": "דבורה שרון",
    "chrI2": "Gildong Hong",
    "chrJapMulti": "たろう やまだ",
    "chrKoreanMulti": "김희중",
    "chrRuss": "Люкceмбypг",
    "chrX1": "XiaoDong Wang",
    "chrX2": "XiaoDong Wang",
    "gen_gbk": "Lei Zhao",
    "gen_iso_ir_101_latin2": "Łukasz Żółtowski",
    "gen_iso_ir_148_turkish": "Işıl Çağlar",
    "gen_iso_ir_166_thai": "ระบบ ทดสอบ",
    # What is declared wrongly is read as far as it goes, and nothing that is no letter gets through.
    "gen_cp1252_euro_declared_latin1": "Haus x",
    "gen_invalid_utf8": "J\ufffdrgen M\ufffdller",
    "gen_latin1_bytes_no_charset": "Jürgen Möller",
    "gen_misspelt_defined_term": "Jürgen Möller",
    "gen_unknown_defined_term": "Juergen Moeller",
    "gen_utf8_bytes_declared_latin1": "JÃ¼rgen MÃ¶ller",
}


@needs_shared
def test_names_in_every_character_set(tmp_path: Path) -> None:
    greeted: dict[str, str] = {}
    with opened(tmp_path) as portal, portal.visitor() as client:
        for path in shared("charset"):
            if path.stem not in GREETED:
                continue
            incoming = portal.house.storage.ingest.receive()
            incoming.write(path.read_bytes())
            stored = portal.house.storage.ingest.store(incoming, source="test")
            assert sign_in(client, code=portal.share_of(stored).code).status_code == 303
            heading = re.search(r"<h1[^>]*>Guten Tag, \u2068(.*)\u2069</h1>", client.get("/").text)
            assert heading, path.stem
            greeted[path.stem] = unescape(heading[1])
    assert greeted == GREETED
