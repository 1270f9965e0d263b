begin;
select plan(39);

select is(app.is_readable(v.value), v.is_readable, v.sentence)
from (values
    ('X', true, 'is_readable: one letter is readable'),
    ('O''Brien-Ní Dhónaill', true, 'is_readable: a name with accents is readable'),
    (normalize('Ní Dhónaill', nfd), true, 'is_readable: a name with combining accents is readable'),
    ('محمد علي', true, 'is_readable: a name in Arabic is readable'),
    ('שרה', true, 'is_readable: a name in Hebrew is readable'),
    ('नेहा', true, 'is_readable: a name in Devanagari with vowel signs is readable'),
    ('李', true, 'is_readable: a name in Chinese is readable'),
    (U&'\8FBB\+0E0100', true, 'is_readable: a character with a variation selector is readable'),
    (U&'\0645\06CC\200C\062E\0648\0627\0647\0645', true,
     'is_readable: a Persian word with a zero-width non-joiner is readable'),
    (U&'\0915\094D\200D\0937', true,
     'is_readable: a Devanagari word with a zero-width joiner is readable'),
    (U&'\+01F468\200D\2695\FE0F', true,
     'is_readable: an emoji of two joined characters is readable'),
    (U&'Jean\00A0Pierre', true, 'is_readable: a name with a no-break space is readable'),
    (U&'\5C71\7530\3000\592A\90CE', true,
     'is_readable: a name with an ideographic space is readable'),
    (null, null, 'is_readable: the answer for null is null'),
    ('', false, 'is_readable: an empty text is not readable'),
    (' ', false, 'is_readable: a space alone is not readable'),
    (U&'\00A0\2003\3000', false, 'is_readable: other spaces alone are not readable'),
    (U&'\200D\200C', false, 'is_readable: joiners alone are not readable'),
    (U&'\FE0F\+0E0100', false, 'is_readable: variation selectors alone are not readable'),
    (U&'\0301', false, 'is_readable: an accent without a letter is not readable'),
    (U&'\093E', false, 'is_readable: a vowel sign without a letter is not readable'),
    (U&' \200D\0301\FE0F ', false,
     'is_readable: spaces, joiners, accents and selectors together are not readable without a '
     'letter'),
    (U&'A\202EB', false, 'is_readable: a text with a right-to-left override is not readable'),
    (U&'A\2066B', false, 'is_readable: a text with an isolate is not readable'),
    (U&'A\200FB', false, 'is_readable: a text with a right-to-left mark is not readable'),
    (U&'A\061CB', false, 'is_readable: a text with an Arabic letter mark is not readable'),
    (U&'A\200BB', false, 'is_readable: a text with a zero-width space is not readable'),
    (U&'A\2060B', false, 'is_readable: a text with a word joiner is not readable'),
    (U&'\FEFFA', false, 'is_readable: a text with a byte order mark is not readable'),
    (U&'A\00ADB', false, 'is_readable: a text with a soft hyphen is not readable'),
    (U&'A\2028B', false, 'is_readable: a text with a line separator is not readable'),
    (U&'A\2029B', false, 'is_readable: a text with a paragraph separator is not readable'),
    (U&'A\0085B', false,
     'is_readable: a text with a control character beyond ASCII is not readable'),
    (E'A\tB', false, 'is_readable: a text with a tab is not readable'),
    (U&'A\+0E0042', false, 'is_readable: a text with a tag character is not readable'),
    (U&'A\3164', false, 'is_readable: a text with the Hangul filler is not readable'),
    (U&'A\115F\1160\FFA0', false,
     'is_readable: a text with the other blank letters of Hangul is not readable'),
    (U&'A\2800', false, 'is_readable: a text with the blank Braille pattern is not readable'),
    (U&'A\034F', false, 'is_readable: a text with a combining grapheme joiner is not readable')
) as v (value, is_readable, sentence);

select * from finish();
rollback;
