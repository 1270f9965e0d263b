"""Readable characters: Python and the database agree on every one."""

from __future__ import annotations

import re
import unicodedata

import pytest

from api import characters
from scripts.server import Cluster

BLOCK = 256
# Every hidden character and every mark is in one of these planes.
PLANES = (0, 1, 14)
SURROGATES = range(0xD800, 0xE000)


def answers_of_python(character: str) -> str:
    address = "x@" + character
    is_email = address.count("@") == 1 and len(address) > 2
    is_email = is_email and characters.is_readable(address) and characters.is_unbroken(address)
    answers = (characters.is_readable(character), characters.is_readable("x" + character), is_email)
    return "".join("01"[answer] for answer in answers)


def test_database_and_python_agree_on_every_character(cluster: Cluster, database: str) -> None:
    points = [
        point
        for plane in PLANES
        for point in range(max(1, plane << 16), (plane + 1) << 16)
        if point not in SURROGATES
    ]
    found = cluster.sql(
        f"""
        select string_agg(
            app.is_readable(chr(p))::integer || '' || app.is_readable('x' || chr(p))::integer
                || app.is_email('x@' || chr(p))::integer, ' ' order by p)
        from unnest(array{list(PLANES)}) as plane,
            generate_series(greatest(1, plane << 16), (plane << 16) + 65535) as p
        where p not between {SURROGATES.start} and {SURROGATES.stop - 1}
        """,
        database,
    ).split(" ")
    differences = [
        f"U+{point:04X}: {found_there} in the database, {answers_of_python(chr(point))} in Python"
        for point, found_there in zip(points, found, strict=True)
        if found_there != answers_of_python(chr(point))
    ]
    assert not differences, differences[:10]


def test_every_character_of_the_other_planes_is_readable(cluster: Cluster, database: str) -> None:
    # app.is_readable is false for a text with one hidden character, so a block is tested at once.
    # The first character of each block is also tested alone.
    found = cluster.sql(
        f"""
        select count(*), bool_and(app.is_readable(b.characters)),
            bool_and(app.is_readable(chr(b.first)))
        from (
            select min(p) as first, string_agg(chr(p), '') as characters
            from generate_series(131072, 1114111) as p
            where p >> 16 <> all (array{list(PLANES)})
            group by p / {BLOCK}
        ) as b
        """,
        database,
    )
    planes = set(range(17)) - set(PLANES)
    assert found == f"{len(planes) * 65536 // BLOCK}|t|t"
    others = "".join(
        chr(point) for plane in planes for point in range(plane << 16, (plane + 1) << 16)
    )
    assert characters.is_readable(others)
    assert not re.search(f"[{characters.GAPS}{characters.MARKS}]", others)


@pytest.mark.skipif(
    tuple(map(int, unicodedata.unidata_version.split("."))) > (18, 0, 0),
    reason="the Unicode version of this Python is newer than the ranges of api/characters.py",
)
def test_refused_characters_are_those_of_the_unicode_categories() -> None:
    kept = {"\u200c", "\u200d"}
    for point in range(1, 0x110000):
        character, category = chr(point), unicodedata.category(chr(point))
        if category in ("Cc", "Cf", "Zl", "Zp") and character not in kept:
            assert not characters.is_readable("x" + character), hex(point)
        elif category[0] in "MZ" or character in kept:
            assert not characters.is_readable(character), hex(point)
            assert category[0] == "M" or not characters.is_unbroken(character), hex(point)
        elif category[0] in "LNPS" and unicodedata.normalize("NFKC", character).strip():
            blank = point in (0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800, 0xFFFC, 0x1D159)
            blank = blank or point in (0x13441, 0x13442)
            assert characters.is_readable(character) != blank, hex(point)
