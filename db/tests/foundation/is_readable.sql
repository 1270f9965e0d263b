begin;
select plan(39);

select is(app.is_readable(v.value), v.is_readable, v.sentence)
from (values
    ('X', true, 'one letter can be read'),
    ('O''Brien-Ní Dhónaill', true, 'so can a name with accents'),
    (normalize('Ní Dhónaill', nfd), true, 'also where the accents are characters of their own'),
    ('محمد علي', true, 'a name in Arabic'),
    ('שרה', true, 'in Hebrew'),
    ('नेहा', true, 'in Devanagari, with vowel signs'),
    ('李', true, 'in Chinese'),
    (U&'\8FBB\+0E0100', true, 'also with a variant of a character'),
    (U&'\0645\06CC\200C\062E\0648\0627\0647\0645', true,
     'a Persian word with a zero-width non-joiner'),
    (U&'\0915\094D\200D\0937', true, 'a Devanagari word with a zero-width joiner'),
    (U&'\+01F468\200D\2695\FE0F', true, 'an emoji that is joined from two'),
    (U&'Jean\00A0Pierre', true, 'a name with a no-break space'),
    (U&'\5C71\7530\3000\592A\90CE', true, 'a name with an ideographic space'),
    (null, null, 'nothing is known of what is missing'),
    ('', false, 'an empty text has nothing to see'),
    (' ', false, 'nor has a space'),
    (U&'\00A0\2003\3000', false, 'nor have other spaces'),
    (U&'\200D\200C', false, 'nor have joiners'),
    (U&'\FE0F\+0E0100', false, 'nor have variation selectors'),
    (U&'\0301', false, 'nor has an accent without a letter'),
    (U&'\093E', false, 'nor has a vowel sign without one'),
    (U&' \200D\0301\FE0F ', false, 'nor have all of these together'),
    (U&'A\202EB', false, 'a right-to-left override is hidden'),
    (U&'A\2066B', false, 'so is an isolate'),
    (U&'A\200FB', false, 'a right-to-left mark'),
    (U&'A\061CB', false, 'an Arabic letter mark'),
    (U&'A\200BB', false, 'a zero-width space'),
    (U&'A\2060B', false, 'a word joiner'),
    (U&'\FEFFA', false, 'a byte order mark'),
    (U&'A\00ADB', false, 'a soft hyphen'),
    (U&'A\2028B', false, 'a line separator'),
    (U&'A\2029B', false, 'a paragraph separator'),
    (U&'A\0085B', false, 'a control character beyond ASCII'),
    (E'A\tB', false, 'a tab'),
    (U&'A\+0E0042', false, 'a tag'),
    (U&'A\3164', false, 'a blank letter of Hangul'),
    (U&'A\115F\1160\FFA0', false, 'and the other ones'),
    (U&'A\2800', false, 'a blank pattern of Braille'),
    (U&'A\034F', false, 'and a grapheme joiner')
) as v (value, is_readable, sentence);

select * from finish();
rollback;
