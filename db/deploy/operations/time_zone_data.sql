-- Deploy telemed:operations/time_zone_data to pg

begin;

create type ops.time_zone_law as (
    release text, time_zone text, moment timestamptz, utc_offset interval, known_offset interval);

comment on type ops.time_zone_law is
'A law that changed the clocks of a time zone, and the release of the IANA time zone database that
has it. utc_offset: the offset from UTC at that moment by the law; known_offset: the offset that
this PostgreSQL computes, null if it does not know the zone.';

create function app.time_zone_laws()
returns setof ops.time_zone_law
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select
        l.release,
        l.time_zone,
        l.moment,
        l.utc_offset,
        case when z.name is not null
            then l.moment at time zone l.time_zone - l.moment at time zone 'UTC'
        end
    from (values
        ('2025a', 'America/Asuncion', timestamptz '2027-07-01 12:00+00', interval '-3 hours'),
        ('2025b', 'America/Coyhaique', '2027-07-01 12:00+00', '-3 hours'),
        ('2026b', 'America/Vancouver', '2027-01-15 12:00+00', '-7 hours'),
        ('2026c', 'Africa/Casablanca', '2027-01-15 12:00+00', '0 hours'),
        ('2026c', 'America/Edmonton', '2027-01-15 12:00+00', '-6 hours'),
        ('2026d', 'America/Inuvik', '2027-01-15 12:00+00', '-6 hours'),
        ('2026e', 'America/Winnipeg', '2027-01-15 12:00+00', '-5 hours'),
        ('2026f', 'America/Havana', '2027-01-15 12:00+00', '-4 hours')
    ) as l (release, time_zone, moment, utc_offset)
    left join pg_timezone_names as z on z.name = l.time_zone
    order by l.release, l.time_zone
$$;

comment on function app.time_zone_laws() is
'Returns the list of ops.time_zone_laws, for other functions.';

create function ops.time_zone_laws()
returns setof ops.time_zone_law
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query select l.* from app.time_zone_laws() as l;
end;
$$;

comment on function ops.time_zone_laws() is
'Returns laws by which releases of the IANA time zone database differ, with the offsets that this
PostgreSQL computes: they show the release of its time zone data, which PostgreSQL does not say in
SQL. The list grows with the package tzdata in pyproject.toml, whose release has them all.';

grant execute on function ops.time_zone_laws() to telemed_dba;

create function app.time_zone_release()
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with law as materialized (select * from app.time_zone_laws())

    select coalesce(max(l.release), 'older than 2025a')
    from law as l
    where l.release < coalesce(
        (select min(m.release) from law as m
         where m.known_offset is distinct from m.utc_offset), 'z')
$$;

comment on function app.time_zone_release() is
'Returns the newest release in ops.time_zone_laws such that this PostgreSQL knows every law up to
that release.';

create type api.time_zone_data as (release text, time_zones text[], digests text[]);

comment on type api.time_zone_data is
'The time zone data of PostgreSQL. release: see app.time_zone_release; digests: one digest of
offsets for each of time_zones, in the same order.';

create function api.time_zone_data(p_from timestamptz default now())
returns api.time_zone_data
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_from constant app.instant not null := coalesce(p_from, now())::app.instant;
    v_data api.time_zone_data;
begin
    perform app.forget_actor();
    perform app.proven_context();
    v_data.release := app.time_zone_release();
    select array_agg(d.name), array_agg(d.digest) into v_data.time_zones, v_data.digests
    from (
        select
            z.name,
            encode(sha256(convert_to(string_agg(
                extract(epoch from i at time zone z.name - i at time zone 'UTC')::integer::text,
                ',' order by i), 'UTF8')), 'hex') as digest
        from pg_timezone_names as z
        cross join generate_series(v_from, v_from + interval '728 days', interval '7 days') as i
        where z.name !~ '^(posix|right)/'
          -- "at time zone" would read them as abbreviations: app.is_iana_time_zone refuses them.
          and (z.name = 'UTC' or upper(z.name) not in (
              select upper(a.abbrev) from pg_timezone_abbrevs as a))
        group by z.name
    ) as d;
    return v_data;
end;
$$;

comment on function api.time_zone_data(timestamptz) is
'Returns the time zones that PostgreSQL knows, each with a digest, so that the REST API can compare
them with its own data. The digest is the SHA-256, in hexadecimal digits, of the offsets from UTC in
seconds, joined by commas, at p_from (null: now) and at the 104 times that follow every 7 days. A
caller need not be logged in. Raises TM101.';

grant execute on function api.time_zone_data(timestamptz) to telemed_api, telemed_dba;

commit;
