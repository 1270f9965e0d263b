begin;
select plan(90);

create function pg_temp.takes(p_domain text, p_value text)
returns boolean language plpgsql
as $$
begin
    execute format('select cast(%L as app.%I)', p_value, p_domain);
    return true;
exception when check_violation then
    return false;
end;
$$;

select is(pg_temp.takes('instant', v.value), v.is_taken, v.sentence)
from (values
    ('1900-01-01 00:00:00+00', true, 'a point in time is in 1900 at the earliest'),
    ('1899-12-31 23:59:59.999999+00', false, 'and not a moment before'),
    ('9999-12-31 23:59:59.999999+00', true, 'a point in time is in the year 9999 at the latest'),
    ('10000-01-01 00:00:00+00', false, 'and not a moment later'),
    ('9999-12-31 23:00:00-02', false, 'whatever the offset it is written with'),
    ('infinity', false, 'a point in time is never infinitely late'),
    ('-infinity', false, 'nor infinitely early')) as v (value, is_taken, sentence);

select is(pg_temp.takes('line', v.value), v.is_taken, v.sentence)
from (values
    ('x', true, 'a line may have one character'),
    ('', false, 'but not none'),
    (repeat('x', 200), true, 'a line may have 200 characters'),
    (repeat('ü', 200), true, 'counted as characters, not as bytes'),
    (repeat('x', 201), false, 'but not 201'),
    ('   ', false, 'a line is not only spaces'),
    (' x ', true, 'but may have some'),
    (E'a\tb', false, 'a line has no tab'),
    (E'a\nb', false, 'a line has no line break'),
    (E'a\nb\n', false, 'not at its end either'),
    (E'a\x01b', false, 'a line has no control character'),
    (E'a\x7fb', false, 'not the one beyond ASCII''s last letter either'),
    (U&'A\202EB', false, 'a line has no character that is hidden'),
    (U&'\200D\0301', false, 'nor has it nothing but what cannot be seen by itself'),
    (U&'A\200DB', true, 'which may stand between others'),
    ('Zoë 心臓 <b>', true, 'a line may be written in any script')) as v (value, is_taken, sentence);

select is(pg_temp.takes('prose', v.value), v.is_taken, v.sentence)
from (values
    ('x', true, 'prose may have one character'),
    ('', false, 'but not none'),
    (repeat('x', 4000), true, 'prose may have 4000 characters'),
    (repeat('x', 4001), false, 'but not 4001'),
    (E'A cough.\nSince Monday.', true, 'prose may have several lines'),
    (U&'Takes \2067\05D0\05E7\05DE\05D5\05DC\2069 500 mg', true,
     'and the isolates that a text of two directions needs')) as v (value, is_taken,
     sentence);

select is(pg_temp.takes('code', v.value), v.is_taken, v.sentence)
from (values
    ('a', true, 'a code may have one letter'),
    ('book_consultation_2', true, 'letters, digits and underscores make a code'),
    ('', false, 'a code is not empty'),
    ('a' || repeat('b', 39), true, 'a code may have 40 characters'),
    ('a' || repeat('b', 40), false, 'but not 41'),
    ('Card', false, 'a code has no capital letters'),
    ('1card', false, 'a code begins with a letter'),
    ('_card', false, 'not with an underscore'),
    ('bank transfer', false, 'a code has no spaces'),
    (E'card\n', false, 'a code has no line break at its end'),
    ('cärd', false, 'a code has letters from a to z only')) as v (value, is_taken, sentence);

select is(pg_temp.takes('email', v.value), v.is_taken, v.sentence)
from (values
    ('a@b', true, 'an e-mail address may have three characters'),
    ('@b', false, 'but needs something before the at sign'),
    ('a@', false, 'and something after it'),
    ('ann', false, 'an address has an at sign'),
    ('a@b@c', false, 'and only one'),
    ('ann.o''neil+news@clinic.example', true,
     'an address may have a plus sign, a dot or an apostrophe'),
    ('Ann@Clinic.Example', true, 'and capital letters'),
    ('an n@clinic.example', false, 'an address has no space'),
    (E'ann@clinic.example\n', false, 'an address has no line break at its end'),
    (E'ann\x01@clinic.example', false, 'an address has no control character'),
    (U&'ann\200D@clinic.example', false, 'nor one that two addresses could differ in unseen'),
    ('jösé@clinic.example', true, 'but letters of any script'),
    (repeat('a', 250) || '@b.c', true, 'an address may have 254 characters'),
    (repeat('a', 251) || '@b.c', false, 'but not 255')) as v (value, is_taken, sentence);

select is(pg_temp.takes('bcrypt_hash', v.value), v.is_taken, v.sentence)
from (values
    ('$2b$12$' || repeat('a', 53), true, 'a bcrypt hash has a cost, a salt and a hash'),
    ('$2b$12$' || repeat('./Z9', 13) || '.', true, 'in the alphabet of bcrypt'),
    ('$2b$12$' || repeat('a', 52), false, 'a bcrypt hash is not too short'),
    ('$2b$12$' || repeat('a', 54), false, 'nor too long'),
    ('$2b$12$' || repeat('a', 52) || '+', false, 'and has no other characters'),
    ('$2a$12$' || repeat('a', 53), false, 'a hash of an older version of bcrypt is not taken'),
    ('$2b$4$' || repeat('a', 53), false, 'the cost has two digits'),
    ('$2b$04$' || repeat('a', 53), true, 'bcrypt''s least cost is 4'),
    ('$2b$03$' || repeat('a', 53), false, 'a cost of 3 is none'),
    ('$2b$31$' || repeat('a', 53), true, 'bcrypt''s greatest cost is 31'),
    ('$2b$32$' || repeat('a', 53), false, 'a cost of 32 is none'),
    ('telemedicine-demo', false, 'a password in clear is not taken')) as v (value, is_taken,
     sentence);

select is(pg_temp.takes('amount_minor', v.value), v.is_taken, v.sentence)
from (values
    ('0', true, 'an amount may be zero'),
    ('-1', false, 'but not less'),
    ('1000000000000', true, 'an amount may be 10^12 minor units'),
    ('1000000000001', false, 'but not more')) as v (value, is_taken, sentence);

select is(pg_temp.takes('currency', v.value), v.is_taken, v.sentence)
from (values
    ('EUR', true, 'the euro is a currency'),
    ('JPY', true, 'a currency without cents is one too'),
    ('eur', false, 'a currency is written in capital letters'),
    ('DEM', false, 'a currency that is no longer in use is none'),
    ('BGN', false, 'nor is one that the euro has replaced since'),
    ('XXX', false, 'the code for no currency is none'),
    ('', false, 'a currency is not empty'),
    ('EURO', false, 'a currency has three letters')) as v (value, is_taken, sentence);

select is(pg_temp.takes('idempotency_key', v.value), v.is_taken, v.sentence)
from (values
    ('k', true, 'an idempotency key may have one character'),
    ('', false, 'but not none'),
    (repeat('k', 255), true, 'a key may have 255 characters'),
    (repeat('k', 256), false, 'but not 256'),
    ('a key ~!', true, 'a key may have spaces and signs'),
    (E'key\n', false, 'a key has no line break'),
    ('schlüssel', false, 'a key has ASCII characters only')) as v (value, is_taken, sentence);

select is_empty(
    $$
    select t.typname from pg_type as t
    where t.typnamespace = 'app'::regnamespace and t.typtype = 'd'
      and t.typname not in (
          'instant', 'line', 'prose', 'code', 'email', 'bcrypt_hash', 'amount_minor', 'currency',
          'idempotency_key')
    $$,
    'every domain has its bounds tested here');
select throws_ok(
    $$ select 'a' || chr(0) $$, '54000', null, 'no text can hold a NUL character');
select throws_ok(
    $$ select '"\u0000"'::jsonb $$, '22P05', null, 'nor can JSON');
select is(null::app.line, null, 'a value that may be missing may be missing');
select is(
    (select count(*) from pg_constraint as c
     inner join pg_type as t on t.oid = c.contypid
     where t.typnamespace = 'app'::regnamespace and not c.convalidated),
    0::bigint, 'no bound is left unchecked for older rows');

select * from finish();
rollback;
