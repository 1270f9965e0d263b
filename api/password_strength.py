"""Which passwords are too easy to guess to be anybody's new one.

NIST SP 800-63B-4, section 3.1.1.2, and OWASP ASVS 5.0, 6.2.4, 6.2.5 and 6.2.11: refuse what is
common or expected, and ask for no special characters. zxcvbn knows common passwords, words, names,
dates, rows of keys and sequences, and counts the guesses of somebody who knows them as well.
"""

import re
from math import factorial, prod

from zxcvbn import matching, scoring  # type: ignore[import-untyped]

ADVICE = (
    "This password is too easy to guess: it is common, follows a pattern, or is made of your name,"
    " your e-mail address or what we do. Several words that are no phrase make a good one."
)
# From here on zxcvbn calls a password very unguessable, even for somebody who has the hashes.
ENOUGH_GUESSES = 10**10
# Their cube is what zxcvbn's time grows with. Who begins with this many weak ones is refused, too.
EXAMINED_CHARACTERS = 32
# What anybody would try here first (ASVS 5.0, 6.1.2).
OURS = ("telemedicine", "telemed", "telehealth", "clinic", "doctor", "patient")

WORDS = re.compile(r"[^\W\d_]{3,}|\d{3,}")
REPEATED = re.compile(r"(.{3,}?)(?:[\W_]{0,2}\1)+", re.IGNORECASE | re.DOTALL)
# zxcvbn tries out each reading of each sign that looks like a letter, which takes seconds when
# there are many. One sign for each letter is enough.
LOOK_ALIKES = str.maketrans("@$!|+{[<", "45117(((")


def too_easy(password: str, *about: str) -> bool:
    """Whether `password` can be guessed by an attacker who knows `about`: texts such as a name."""
    return guesses(password, *about) < ENOUGH_GUESSES


def guesses(text: str, *about: str) -> int:
    """How many guesses an attacker needs who knows the texts `about`.

    Repetitions and known words add nothing. Takes about a millisecond, and up to twenty for a text
    that was made to take long.
    """
    words = {**matching.RANKED_DICTIONARIES, "known": matching.build_ranked_dict(_known(about))}
    forms = {form[:EXAMINED_CHARACTERS] for form in (text, _without_repetitions(text))}
    return min(_guesses(form, words) for form in forms)


def _without_repetitions(text: str) -> str:
    while (shorter := REPEATED.sub(r"\1", text)) != text:
        text = shorter
    return text


def _guesses(text: str, words: dict[str, dict[str, int]]) -> int:
    # Not zxcvbn.zxcvbn: it keeps the known words where other threads find them, and takes four
    # small pieces for secure, whatever they are.
    matches = matching.omnimatch(text.translate(LOOK_ALIKES), words)
    matches += matching.dictionary_match(text, words)
    best = scoring.most_guessable_match_sequence(text, matches, _exclude_additive=True)
    counted = [m["guesses"] for m in best["sequence"] if m.get("dictionary_name") != "known"]
    return factorial(len(counted)) * prod(map(int, counted))


def _known(about: tuple[str, ...]) -> list[str]:
    texts = [text.lower() for text in (*OURS, *about)]
    return texts + [word for text in texts for word in WORDS.findall(text)]
