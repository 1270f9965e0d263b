-- Deploy telemed:scheduling/instant_of to pg

begin;

create function app.instant_of(p_local timestamp, p_time_zone text)
returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- "at time zone" alone moves a time that does not exist and takes the later of two. So try the
    -- offsets of the day before and of the day after, and keep what reads as p_local again.
    return (
        select min(i.instant)
        from (
            select (p_local at time zone 'UTC')
                - (((p_local at time zone 'UTC') + d.shift) at time zone p_time_zone
                   - ((p_local at time zone 'UTC') + d.shift) at time zone 'UTC') as instant
            from (values (interval '-1 day'), (interval '1 day')) as d (shift)
        ) as i
        where i.instant at time zone p_time_zone = p_local);
end;
$$;

comment on function app.instant_of(timestamp, text) is
'The instant at which clocks in the zone p_time_zone show p_local. Null when they never do (they
were put forward over it); the first of the two when they show it twice.';

commit;
