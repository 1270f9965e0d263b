begin;
select plan(18);

select is(app.is_email(v.value), v.is_email, v.sentence)
from (values
    ('ann.o''neil+news@clinic.example', true,
     'is_email: an address with something before and after its at sign is accepted'),
    ('josé@exämple.com', true, 'is_email: letters beyond ASCII are accepted'),
    (normalize('josé@exämple.com', nfd), true,
     'is_email: letters with combining accents are accepted'),
    ('नेहा@डाटा.भारत', true, 'is_email: an address in another script is accepted'),
    (null, null, 'is_email: the answer for null is null'),
    ('ann', false, 'is_email: an address without an at sign is refused'),
    ('a@b@c', false, 'is_email: an address with two at signs is refused'),
    ('@b', false, 'is_email: an address with nothing before the at sign is refused'),
    ('a@', false, 'is_email: an address with nothing after the at sign is refused'),
    ('an n@b.example', false, 'is_email: a space is refused'),
    (U&'an\00A0n@b.example', false, 'is_email: a no-break space is refused'),
    (U&'an\3000n@b.example', false, 'is_email: an ideographic space is refused'),
    (U&'\200Bann@b.example', false, 'is_email: a zero-width space is refused'),
    (U&'ann@b.example\200D', false,
     'is_email: a joiner is refused, although app.is_readable accepts one'),
    (U&'ann\FE0F@b.example', false, 'is_email: a variation selector is refused'),
    (U&'ann\200F@b.example', false, 'is_email: a right-to-left mark is refused'),
    (U&'\FEFFann@b.example', false, 'is_email: a byte order mark is refused'),
    (E'ann@b.example\n', false, 'is_email: a line break is refused')
) as v (value, is_email, sentence);

select * from finish();
rollback;
