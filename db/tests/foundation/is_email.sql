begin;
select plan(18);

select is(app.is_email(v.value), v.is_email, v.sentence)
from (values
    ('ann.o''neil+news@clinic.example', true, 'an address has something before and after its at sign'),
    ('josé@exämple.com', true, 'letters beyond ASCII are letters'),
    (normalize('josé@exämple.com', nfd), true, 'in every composition'),
    ('नेहा@डाटा.भारत', true, 'and in every script'),
    (null, null, 'nothing is known of what is missing'),
    ('ann', false, 'without an at sign it is none'),
    ('a@b@c', false, 'nor is it with two'),
    ('@b', false, 'nor with nothing before it'),
    ('a@', false, 'nor with nothing after it'),
    ('an n@b.example', false, 'a space is refused'),
    (U&'an\00A0n@b.example', false, 'so is a no-break space'),
    (U&'an\3000n@b.example', false, 'and every other one'),
    (U&'\200Bann@b.example', false, 'a zero-width space is refused'),
    (U&'ann@b.example\200D', false, 'so is a joiner, which a name may have'),
    (U&'ann\FE0F@b.example', false, 'and a variation selector'),
    (U&'ann\200F@b.example', false, 'a right-to-left mark is refused'),
    (U&'\FEFFann@b.example', false, 'so is a byte order mark'),
    (E'ann@b.example\n', false, 'and a line break')
) as v (value, is_email, sentence);

select * from finish();
rollback;
