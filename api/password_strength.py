"""The strength of passwords and secrets, in guesses that an attacker needs.

NIST SP 800-63B-4, section 3.1.1.2, and OWASP ASVS 5.0, 6.2.4, 6.2.5 and 6.2.11: common and expected
passwords are refused, special characters are not required. zxcvbn knows common passwords, words,
names, dates, keyboard patterns and sequences, and counts the guesses of an attacker who knows them.
"""

import re
from math import factorial, prod

from zxcvbn import matching, scoring  # type: ignore[import-untyped]

ADVICE = (
    "This password is too easy to guess: it is common, follows a pattern, or contains your name,"
    " e-mail address or a word of this service. Choose several words that do not form a phrase."
)
# The level that zxcvbn calls very unguessable, even for an attacker who has the hashes.
ENOUGH_GUESSES = 10**10
# The time of zxcvbn grows with their cube. The rest of a longer password does not count.
EXAMINED_CHARACTERS = 32
# Words of this service, which an attacker tries first (OWASP ASVS 5.0, 6.1.2).
OWN_WORDS = ("telemedicine", "telemed", "telehealth", "clinic", "doctor", "patient")

WORDS = re.compile(r"[^\W\d_]{3,}|\d{3,}")
REPEATED = re.compile(r"(.{3,}?)(?:[\W_]{0,2}\1)+", re.IGNORECASE | re.DOTALL)
# zxcvbn tries every combination of letters for characters that look like letters, which takes
# seconds if there are many. One look-alike for each letter is enough.
LOOK_ALIKES = str.maketrans("@$!|+{[<", "45117(((")


def too_easy(password: str, *about: str) -> bool:
    """Whether a password needs too few guesses. about: texts of the user, such as the name."""
    return guesses(password, *about) < ENOUGH_GUESSES


def guesses(text: str, *about: str) -> int:
    """How many guesses an attacker needs who knows the texts `about`.

    Repetitions and known words add nothing. Takes about a millisecond; twenty milliseconds for a
    text that is made to take long.
    """
    words = {**matching.RANKED_DICTIONARIES, "known": matching.build_ranked_dict(_known(about))}
    forms = {form[:EXAMINED_CHARACTERS] for form in (text, _without_repetitions(text))}
    return min(_guesses(form, words) for form in forms)


def _without_repetitions(text: str) -> str:
    while (shorter := REPEATED.sub(r"\1", text)) != text:
        text = shorter
    return text


def _guesses(text: str, words: dict[str, dict[str, int]]) -> int:
    # Not zxcvbn.zxcvbn: it stores the known words in a global variable that threads share, and it
    # rates any four short parts as secure.
    matches = matching.omnimatch(text.translate(LOOK_ALIKES), words)
    matches += matching.dictionary_match(text, words)
    best = scoring.most_guessable_match_sequence(text, matches, _exclude_additive=True)
    counted = [m["guesses"] for m in best["sequence"] if m.get("dictionary_name") != "known"]
    return factorial(len(counted)) * prod(map(int, counted))


def _known(about: tuple[str, ...]) -> list[str]:
    texts = [text.lower() for text in (*OWN_WORDS, *about)]
    return texts + [word for text in texts for word in WORDS.findall(text)]
