begin;
\ir ../helpers/actors.psql
select plan(17);
reset role;
set local timezone = 'Asia/Kathmandu';

-- How old the data are
create temp table law on commit drop as select * from app.time_zone_laws();
grant all on law to telemed_dba;
select is_empty(
    $$ select l.* from law as l
       where l.known_offset is distinct from (
           select l.moment at time zone z.name - l.moment at time zone 'UTC'
           from pg_timezone_names as z where z.name = l.time_zone) $$,
    'each law says what PostgreSQL takes clocks to show');
select isnt_empty('select from law', 'there are laws');
select is_empty(
    $$ select release from law where release !~ '^20[0-9]{2}[a-z]$' $$,
    'releases have a year and a letter, so that they can be compared');
set local role telemed_dba;
select results_eq(
    'select * from ops.time_zone_laws()', 'select * from law', 'administrators see them');
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
    ('{2025a,2025b,2026a}', '2026a', 'the newest release counts, when every law is known'),
    ('{2025a,2025b}', '2025b', 'else the newest one whose laws are'),
    ('{2025a,2026a}', '2025a', 'a law that is missing is not made good by a later one'),
    ('{}', 'older than 2025a', 'without any the data are older than all of them')
) as v (known, release, sentence);
rollback to intact;

-- What PostgreSQL knows of clocks
set local role telemed_api;
select pg_temp.sign_in('nobody');
select d.release, d.time_zones, d.digests
from api.time_zone_data('2027-01-01 00:00+00') as d \gset
reset role;
select is(:'release'::text, app.time_zone_release(), 'the release is told');
create temp table known on commit drop as
select k.* from unnest(:'time_zones'::text[], :'digests'::text[]) as k (time_zone, digest);
select cmp_ok(count(*), '>', 400::bigint, 'all zones are there') from known;
select is(
    (select array_agg(k.digest) from known as k where k.time_zone = 'Asia/Tokyo'),
    array[encode(sha256(convert_to(array_to_string(array_fill(32400, array[105]), ','), 'UTF8')), 'hex')],
    'Tokyo is nine hours ahead of UTC, 105 times');
select is(
    (select k.digest from known as k where k.time_zone = 'Europe/Berlin'),
    (select encode(sha256(convert_to(string_agg(
            case when i >= '2027-03-28 01:00+00' and i < '2027-10-31 01:00+00'
                or i >= '2028-03-26 01:00+00' and i < '2028-10-29 01:00+00'
                then '7200' else '3600' end, ',' order by i), 'UTF8')), 'hex')
     from generate_series(0, 104) as n
     cross join lateral (select timestamptz '2027-01-01 00:00+00' + n * interval '168 hours') as t (i)),
    'Berlin is one hour ahead or two');
select is(
    (select array_agg(time_zone) from known where time_zone ~ '^(posix|right)/'), null,
    'copies of the data in other folders are left out');
set local role telemed_api;
select is(
    (select (api.time_zone_data()).digests), (select (api.time_zone_data(now())).digests),
    'the years from now on are compared unless others are asked for');
select is(
    (select (api.time_zone_data(null)).digests), (select (api.time_zone_data(now())).digests),
    'nothing asks for them, too');

select set_config('app.proof', '', true) \g /dev/null
select throws_ok('select api.time_zone_data()', 'TM101', null, 'a context without proof is refused');
set local role telemed_api;
select throws_ok(
    'select ops.time_zone_laws()', '42501', null, 'the laws are for administrators');

select * from finish();
rollback;
