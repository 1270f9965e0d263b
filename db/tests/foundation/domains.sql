begin;
select plan(147);

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
    ('1900-01-01 00:00:00+00', true, 'app.instant accepts the first moment of 1900'),
    ('1899-12-31 23:59:59.999999+00', false, 'app.instant refuses the moment before 1900'),
    ('9999-12-31 23:59:59.999999+00', true, 'app.instant accepts the last moment of the year 9999'),
    ('10000-01-01 00:00:00+00', false, 'app.instant refuses the first moment of the year 10000'),
    ('9999-12-31 23:00:00-02', false,
     'app.instant refuses a moment of the year 10000 (UTC) that is written with an offset'),
    ('infinity', false, 'app.instant refuses infinity'),
    ('-infinity', false, 'app.instant refuses minus infinity')) as v (value, is_taken, sentence);

select is(pg_temp.takes('line', v.value), v.is_taken, v.sentence)
from (values
    ('x', true, 'app.line accepts one character'),
    ('', false, 'app.line refuses an empty text'),
    (repeat('x', 200), true, 'app.line accepts 200 characters'),
    (repeat('ü', 200), true, 'app.line counts characters, not bytes'),
    (repeat('x', 201), false, 'app.line refuses 201 characters'),
    ('   ', false, 'app.line refuses a text of spaces only'),
    (' x ', true, 'app.line accepts spaces around a visible character'),
    (E'a\tb', false, 'app.line refuses a tab'),
    (E'a\nb', false, 'app.line refuses a line break'),
    (E'a\nb\n', false, 'app.line refuses a line break at the end'),
    (E'a\x01b', false, 'app.line refuses a control character'),
    (E'a\x7fb', false, 'app.line refuses the control character DEL'),
    (U&'A\202EB', false, 'app.line refuses a hidden character'),
    (U&'\200D\0301', false, 'app.line refuses a text of a joiner and an accent without a letter'),
    (U&'A\200DB', true, 'app.line accepts a joiner between letters'),
    ('Zoë 心臓 <b>', true, 'app.line accepts any script')) as v (value, is_taken, sentence);

select is(pg_temp.takes('prose', v.value), v.is_taken, v.sentence)
from (values
    ('x', true, 'app.prose accepts one character'),
    ('', false, 'app.prose refuses an empty text'),
    (repeat('x', 4000), true, 'app.prose accepts 4000 characters'),
    (repeat('x', 4001), false, 'app.prose refuses 4001 characters'),
    (E'A cough.\nSince Monday.', true, 'app.prose accepts several lines'),
    (U&'Takes \2067\05D0\05E7\05DE\05D5\05DC\2069 500 mg', true,
     'app.prose accepts the isolates that a text of two directions needs')) as v (value, is_taken,
     sentence);

select is(pg_temp.takes('code', v.value), v.is_taken, v.sentence)
from (values
    ('a', true, 'app.code accepts one letter'),
    ('book_consultation_2', true, 'app.code accepts letters, digits and underscores'),
    ('', false, 'app.code refuses an empty text'),
    ('a' || repeat('b', 39), true, 'app.code accepts 40 characters'),
    ('a' || repeat('b', 40), false, 'app.code refuses 41 characters'),
    ('Card', false, 'app.code refuses a capital letter'),
    ('1card', false, 'app.code refuses a digit as the first character'),
    ('_card', false, 'app.code refuses an underscore as the first character'),
    ('bank transfer', false, 'app.code refuses a space'),
    (E'card\n', false, 'app.code refuses a line break at the end'),
    ('cärd', false, 'app.code refuses a letter beyond ASCII')) as v (value, is_taken, sentence);

select is(pg_temp.takes('email', v.value), v.is_taken, v.sentence)
from (values
    ('a@b', true, 'app.email accepts an address of three characters'),
    ('@b', false, 'app.email refuses an address with nothing before the at sign'),
    ('a@', false, 'app.email refuses an address with nothing after the at sign'),
    ('ann', false, 'app.email refuses an address without an at sign'),
    ('a@b@c', false, 'app.email refuses an address with two at signs'),
    ('ann.o''neil+news@clinic.example', true,
     'app.email accepts an address with a plus sign, a dot and an apostrophe'),
    ('Ann@Clinic.Example', true, 'app.email accepts capital letters'),
    ('an n@clinic.example', false, 'app.email refuses a space'),
    (E'ann@clinic.example\n', false, 'app.email refuses a line break at the end'),
    (E'ann\x01@clinic.example', false, 'app.email refuses a control character'),
    (U&'ann\200D@clinic.example', false,
     'app.email refuses a joiner, which makes two addresses look alike'),
    ('jösé@clinic.example', true, 'app.email accepts letters beyond ASCII'),
    (repeat('a', 250) || '@b.c', true, 'app.email accepts an address of 254 characters'),
    (repeat('a', 251) || '@b.c', false,
     'app.email refuses an address of 255 characters')) as v (value, is_taken, sentence);

select is(pg_temp.takes('bcrypt_hash', v.value), v.is_taken, v.sentence)
from (values
    ('$2b$12$' || repeat('a', 53), true, 'app.bcrypt_hash accepts a cost, a salt and a hash'),
    ('$2b$12$' || repeat('./Z9', 13) || '.', true,
     'app.bcrypt_hash accepts every kind of character of the bcrypt alphabet'),
    ('$2b$12$' || repeat('a', 52), false,
     'app.bcrypt_hash refuses a hash that is one character too short'),
    ('$2b$12$' || repeat('a', 54), false,
     'app.bcrypt_hash refuses a hash that is one character too long'),
    ('$2b$12$' || repeat('a', 52) || '+', false,
     'app.bcrypt_hash refuses a character that the bcrypt alphabet does not have'),
    ('$2a$12$' || repeat('a', 53), false, 'app.bcrypt_hash refuses the older version 2a of bcrypt'),
    ('$2b$4$' || repeat('a', 53), false, 'app.bcrypt_hash refuses a cost of one digit'),
    ('$2b$04$' || repeat('a', 53), true, 'app.bcrypt_hash accepts a cost of 4'),
    ('$2b$03$' || repeat('a', 53), false, 'app.bcrypt_hash refuses a cost of 3'),
    ('$2b$31$' || repeat('a', 53), true, 'app.bcrypt_hash accepts a cost of 31'),
    ('$2b$32$' || repeat('a', 53), false, 'app.bcrypt_hash refuses a cost of 32'),
    ('telemedicine-demo', false,
     'app.bcrypt_hash refuses a password in clear')) as v (value, is_taken,
     sentence);

select is(pg_temp.takes('amount_minor', v.value), v.is_taken, v.sentence)
from (values
    ('0', true, 'app.amount_minor accepts zero'),
    ('-1', false, 'app.amount_minor refuses a negative amount'),
    ('1000000000000', true, 'app.amount_minor accepts 10^12 minor units'),
    ('1000000000001', false,
     'app.amount_minor refuses more than 10^12 minor units')) as v (value, is_taken, sentence);

select is(pg_temp.takes('total_minor', v.value), v.is_taken, v.sentence)
from (values
    ('1000000000001', true, 'app.total_minor accepts more than one amount may be'),
    ('-1', false, 'app.total_minor refuses a negative sum')) as v (value, is_taken, sentence);

select is(pg_temp.takes('currency', v.value), v.is_taken, v.sentence)
from (values
    ('EUR', true, 'app.currency accepts the euro'),
    ('JPY', true, 'app.currency accepts a currency without cents'),
    ('eur', false, 'app.currency refuses small letters'),
    ('DEM', false, 'app.currency refuses a currency that is no longer in use'),
    ('BGN', false, 'app.currency refuses the Bulgarian lev, which the euro has replaced'),
    ('XXX', false, 'app.currency refuses XXX, the code for no currency'),
    ('', false, 'app.currency refuses an empty text'),
    ('EURO', false,
     'app.currency refuses a code of four letters')) as v (value, is_taken, sentence);

select is(pg_temp.takes('idempotency_key', v.value), v.is_taken, v.sentence)
from (values
    ('k', true, 'app.idempotency_key accepts one character'),
    ('', false, 'app.idempotency_key refuses an empty text'),
    (repeat('k', 255), true, 'app.idempotency_key accepts 255 characters'),
    (repeat('k', 256), false, 'app.idempotency_key refuses 256 characters'),
    ('a key ~!', true, 'app.idempotency_key accepts spaces and punctuation'),
    (E'key\n', false, 'app.idempotency_key refuses a line break'),
    ('schlüssel', false,
     'app.idempotency_key refuses a character beyond ASCII')) as v (value, is_taken, sentence);

select is(pg_temp.takes('language', v.value), v.is_taken, v.sentence)
from (values
    ('es', true, 'app.language accepts a code of ISO 639-1'),
    ('ES', false, 'app.language refuses capital letters'),
    ('xx', false, 'app.language refuses a code that ISO 639-1 does not have'),
    ('spa', false, 'app.language refuses a code of three letters'),
    ('', false, 'app.language refuses an empty text')) as v (value, is_taken, sentence);

select is(pg_temp.takes('https_url', v.value), v.is_taken, v.sentence)
from (values
    ('https://clinic.example/photos/1.jpg?size=200', true,
     'app.https_url accepts a path and a query'),
    ('https://clinic.example', true, 'app.https_url accepts a host name alone'),
    ('https://clinic.example:8443/1.jpg', true, 'app.https_url accepts a port'),
    ('https://clinic.example:1', true, 'app.https_url accepts the port 1'),
    ('https://clinic.example:65535/', true, 'app.https_url accepts the port 65535'),
    ('https://clinic.example:65536', false, 'app.https_url refuses the port 65536'),
    ('https://clinic.example:99999/', false, 'app.https_url refuses a port of five nines'),
    ('https://clinic.example:0/', false, 'app.https_url refuses the port 0'),
    ('https://clinic.example:0443', false, 'app.https_url refuses a port that begins with 0'),
    ('https://clinic.example/a:70000', true, 'app.https_url accepts a colon in a path'),
    ('http://clinic.example/1.jpg', false, 'app.https_url refuses http'),
    ('HTTPS://clinic.example/1.jpg', false, 'app.https_url refuses a scheme in capital letters'),
    ('javascript:alert(1)', false, 'app.https_url refuses another scheme'),
    ('https://localhost/1.jpg', false, 'app.https_url refuses a host name without a dot'),
    ('https://user:password@clinic.example/', false, 'app.https_url refuses a user name'),
    ('https://clinic.example/a b', false, 'app.https_url refuses a space'),
    ('https://clinic.example/<b>', false, 'app.https_url refuses an angle bracket'),
    ('https://clinic.example/ü', false, 'app.https_url refuses a letter beyond ASCII'),
    (E'https://clinic.example/\n', false, 'app.https_url refuses a line break at the end'),
    ('https://clinic.example/' || repeat('x', 477), true, 'app.https_url accepts 500 characters'),
    ('https://clinic.example/' || repeat('x', 478), false, 'app.https_url refuses 501 characters'),
    ('', false, 'app.https_url refuses an empty text')) as v (value, is_taken, sentence);

select ok(pg_temp.takes('event_type', v.value), 'app.event_type accepts ' || v.value)
from unnest(array[
    'slot.opened', 'slot.withdrawn', 'consultation.booked', 'consultation.rescheduled',
    'consultation.cancelled', 'consultation.completed', 'consultation.joined',
    'prescription.issued', 'payment.recorded', 'refund.recorded', 'account.created',
    'account.closed', 'account.deactivated', 'account.activated', 'account.email_changed',
    'account.password_changed', 'account.second_factor_changed',
    'account.signed_in_on_new_device', 'account.email_verification_requested',
    'account.password_reset_requested']) as v (value);
select is(pg_temp.takes('event_type', v.value), false, 'app.event_type refuses ' || v.sentence)
from (values
    ('consultation.moved', 'a type that is not known'),
    ('Slot.opened', 'capital letters'),
    ('slot.opened ', 'a space at the end'),
    ('', 'an empty text')) as v (value, sentence);

select is(pg_temp.takes('event_number', v.value), v.is_taken, v.sentence)
from (values
    ('1', true, 'app.event_number accepts 1'),
    ('2147483647', true, 'app.event_number accepts the largest integer'),
    ('0', false, 'app.event_number refuses 0'),
    ('-1', false, 'app.event_number refuses a negative number')) as v (value, is_taken, sentence);

select is_empty(
    $$
    select t.typname from pg_type as t
    where t.typnamespace = 'app'::regnamespace and t.typtype = 'd'
      and t.typname not in (
          'instant', 'line', 'prose', 'code', 'email', 'bcrypt_hash', 'amount_minor', 'currency',
          'idempotency_key', 'language', 'https_url', 'total_minor', 'event_type', 'event_number')
    $$,
    'The tests above cover every domain of the schema app');
select throws_ok(
    $$ select 'a' || chr(0) $$, '54000', null, 'A text cannot hold a NUL character');
select throws_ok(
    $$ select '"\u0000"'::jsonb $$, '22P05', null, 'A JSON value cannot hold a NUL character');
select is(null::app.line, null, 'A domain accepts null');
select is(
    (select count(*) from pg_constraint as c
     inner join pg_type as t on t.oid = c.contypid
     where t.typnamespace = 'app'::regnamespace and not c.convalidated),
    0::bigint, 'Every domain constraint is validated for older rows as well');

select * from finish();
rollback;
