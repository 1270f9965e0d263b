-- Deploy telemed:identity/require_time_zone to pg

begin;

create function app.require_time_zone(p_name text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- An area and a place, such as Europe/Berlin, without a digit: "at time zone" can read nothing
    -- else in it than a zone of the database. app.is_iana_time_zone reads the files of all zones,
    -- which would take longer than a search.
    if p_name = 'UTC' then
        return;
    elsif p_name ~ '^[A-Z][A-Za-z_]*(/[A-Z][A-Za-z_-]*)+$' and p_name !~* '^(posix|right)/' then
        begin
            perform app.clock() at time zone p_name;
            return;
        exception when invalid_parameter_value then
            null;
        end;
    elsif app.is_iana_time_zone(p_name) then
        return;
    end if;
    raise exception 'The time zone must be a name of the IANA database, such as Europe/Berlin'
        using errcode = 'TM204', column = 'time_zone';
end;
$$;

comment on function app.require_time_zone(text) is
'Refuses a time zone that app.is_iana_time_zone does not know, and null. Of an area and a place only
the first letters must be capitals. Raises TM204.';

commit;
