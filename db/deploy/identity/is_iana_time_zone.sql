-- Deploy telemed:identity/is_iana_time_zone to pg

begin;

create function app.is_iana_time_zone(p_name text)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- "at time zone" also accepts abbreviations, and prefers them to zones of the same name: the
    -- zone CET has daylight saving time, the abbreviation CET has not. Such names are refused.
    select exists (
        select from pg_timezone_names as z
        where z.name = p_name
          and z.name !~ '^(posix|right)/'
          and z.name not in ('localtime', 'posixrules', 'Factory')
          and (z.name = 'UTC' or not exists (
              select from pg_timezone_abbrevs as a where upper(a.abbrev) = upper(z.name))));
$$;

comment on function app.is_iana_time_zone(text) is
'Whether p_name is a zone of the IANA time zone database, such as Europe/Berlin. The answer is false
for a name that PostgreSQL reads as an abbreviation, such as CET.';

commit;
