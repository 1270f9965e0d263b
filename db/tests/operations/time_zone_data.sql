begin;
\ir ../helpers/actors.psql
select plan(18);
reset role;
set local timezone = 'Asia/Kathmandu';

-- The release of the data
create temp table law on commit drop as select * from app.time_zone_laws();
grant all on law to telemed_dba;
select is_empty(
    $$ select l.* from law as l
       where l.known_offset is distinct from (
           select l.moment at time zone z.name - l.moment at time zone 'UTC'
           from pg_timezone_names as z where z.name = l.time_zone) $$,
    'time_zone_laws: known_offset is the offset that PostgreSQL computes');
select isnt_empty('select from law', 'time_zone_laws: the list is not empty');
select is_empty(
    $$ select release from law where release !~ '^20[0-9]{2}[a-z]$' $$,
    'time_zone_laws: a release is a year and a letter, so that releases can be compared');
set local role telemed_dba;
select results_eq(
    'select * from ops.time_zone_laws()', 'select * from law',
    'time_zone_laws: a DBA gets the list');
reset role;

create function pg_temp.release_if(p_known text)
returns text language plpgsql
as $$
begin
    execute format(
        'create or replace function app.time_zone_laws() '
        'returns setof ops.time_zone_law language sql stable set search_path = pg_catalog, pg_temp '
        'as $f$ select r, ''Europe/Berlin'', timestamptz ''2020-01-15 12:00+00'', '
        'interval ''1 hour'', case when r = any (%L) then interval ''1 hour'' end '
        'from unnest(''{2025a,2025b,2025b,2026a}''::text[]) as r $f$', p_known);
    return app.time_zone_release();
end;
$$;
savepoint intact;
select is(pg_temp.release_if(v.known), v.release, v.sentence)
from (values
    ('{2025a,2025b,2026a}', '2026a',
     'time_zone_release: it is the newest release if PostgreSQL knows every law'),
    ('{2025a,2025b}', '2025b',
     'time_zone_release: it is the release before the first one with an unknown law'),
    ('{2025a,2026a}', '2025a',
     'time_zone_release: a known law of a later release does not make up for an unknown one'),
    ('{}', 'older than 2025a',
     'time_zone_release: without a known law the data are older than the first release')
) as v (known, release, sentence);
rollback to intact;

-- The clocks of each zone
set local role telemed_api;
select pg_temp.sign_in('nobody');
select d.release, d.time_zones, d.digests
from api.time_zone_data('2027-01-01 00:00+00') as d \gset
reset role;
select is(:'release'::text, app.time_zone_release(), 'time_zone_data: it returns the release');
create temp table known on commit drop as
select k.* from unnest(:'time_zones'::text[], :'digests'::text[]) as k (time_zone, digest);
select cmp_ok(count(*), '>', 400::bigint,
    'time_zone_data: it returns more than 400 time zones') from known;
select is(
    (select array_agg(k.digest) from known as k where k.time_zone = 'Asia/Tokyo'),
    array[encode(sha256(convert_to(array_to_string(array_fill(32400, array[105]), ','), 'UTF8')), 'hex')],
    'time_zone_data: the digest of Asia/Tokyo is that of 105 offsets of nine hours');
select is(
    (select k.digest from known as k where k.time_zone = 'Europe/Berlin'),
    (select encode(sha256(convert_to(string_agg(
            case when i >= '2027-03-28 01:00+00' and i < '2027-10-31 01:00+00'
                or i >= '2028-03-26 01:00+00' and i < '2028-10-29 01:00+00'
                then '7200' else '3600' end, ',' order by i), 'UTF8')), 'hex')
     from generate_series(0, 104) as n
     cross join lateral (select timestamptz '2027-01-01 00:00+00' + n * interval '168 hours') as t (i)),
    'time_zone_data: the digest of Europe/Berlin follows summer time');
select is(
    (select array_agg(time_zone) from known where time_zone ~ '^(posix|right)/'), null,
    'time_zone_data: the zones of the folders posix and right are left out');
select results_eq(
    $$ select k.time_zone from known as k
       where k.time_zone in ('CET', 'EET', 'EST', 'MET', 'UTC', 'WET') $$,
    array['UTC'],
    'time_zone_data: zones that PostgreSQL reads as abbreviations are left out, except UTC');
set local role telemed_api;
select is(
    (select (api.time_zone_data()).digests), (select (api.time_zone_data(now())).digests),
    'time_zone_data: the default of p_from is now');
select is(
    (select (api.time_zone_data(null)).digests), (select (api.time_zone_data(now())).digests),
    'time_zone_data: a null p_from means now');

select set_config('app.proof', '', true) \g /dev/null
select throws_ok('select api.time_zone_data()', 'TM101', null,
    'time_zone_data: a context without a signature is refused');
set local role telemed_api;
select throws_ok(
    'select ops.time_zone_laws()', '42501', null, 'time_zone_laws: the REST API cannot call it');

select * from finish();
rollback;
