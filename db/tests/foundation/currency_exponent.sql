begin;
select plan(12);

select is(app.currency_exponent(v.currency), v.exponent::smallint, v.sentence)
from (values
    ('EUR', 2, 'currency_exponent: the euro has cents'),
    ('JPY', 0, 'currency_exponent: the yen has no decimals'),
    ('JOD', 3, 'currency_exponent: the Jordanian dinar has three decimals'),
    ('ISK', 0, 'currency_exponent: the Icelandic króna has no decimals'),
    ('HUF', 2, 'currency_exponent: the forint has two decimals'),
    ('eur', null, 'currency_exponent: a code in small letters has no exponent'),
    ('XXX', null, 'currency_exponent: the code for no currency has no exponent'),
    ('XAU', null, 'currency_exponent: gold has no exponent'),
    ('', null, 'currency_exponent: an empty text has no exponent'),
    (null, null, 'currency_exponent: null has no exponent')) as v (currency, exponent, sentence);

create temp table known on commit drop as
select c.code, app.currency_exponent(c.code) as exponent
from (
    select chr(a) || chr(b) || chr(c) as code
    from generate_series(65, 90) as a
    cross join generate_series(65, 90) as b
    cross join generate_series(65, 90) as c
) as c
where app.currency_exponent(c.code) is not null;

select results_eq(
    'select k.exponent::integer, count(*) from known as k group by 1 order by 1',
    $$ values (0, 16::bigint), (2, 132::bigint), (3, 7::bigint) $$,
    'currency_exponent: 16 currencies have no decimals, 7 have three and all others two');
select is_empty(
    'select k.code from known as k where k.code::app.currency is null',
    'currency_exponent: app.currency accepts every currency that has an exponent');

select * from finish();
rollback;
