-- Deploy telemed:identity/is_iana_time_zone to pg

begin;

create function app.is_iana_time_zone(p_name text)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- "at time zone" would also take abbreviations and POSIX rules, which know no history of DST.
    select exists (
        select from pg_timezone_names as z
        where z.name = p_name
          and z.name !~ '^(posix|right)/'
          and z.name not in ('localtime', 'posixrules'));
$$;

comment on function app.is_iana_time_zone(text) is
'Whether p_name is a zone of the IANA time zone database, such as Europe/Berlin.';

commit;
