-- Deploy telemed:scheduling/instant_of to pg

begin;

create function app.instant_of(p_local timestamp, p_time_zone text)
returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_utc constant timestamptz := p_local at time zone 'UTC';
    v_before constant interval :=
        (v_utc - interval '24 hours') at time zone p_time_zone
        - (v_utc - interval '24 hours') at time zone 'UTC';
    v_after constant interval :=
        (v_utc + interval '24 hours') at time zone p_time_zone
        - (v_utc + interval '24 hours') at time zone 'UTC';
    v_earlier timestamptz := (p_local - greatest(v_before, v_after)) at time zone 'UTC';
    v_later timestamptz := (p_local - least(v_before, v_after)) at time zone 'UTC';
    v_low bigint;
    v_high bigint;
    v_middle bigint;
begin
    -- "at time zone" alone moves a local time that does not exist and takes the later of two. So
    -- try the offsets of the day before and the day after, and keep the one that gives p_local.
    if v_earlier at time zone p_time_zone = p_local then
        return v_earlier;
    end if;
    if v_later is null or v_later at time zone p_time_zone = p_local then
        return v_later;
    end if;

    -- Clocks skip p_local. The change is at a whole second between the two instants.
    v_low := floor(extract(epoch from v_earlier))::bigint;
    v_high := ceil(extract(epoch from v_later))::bigint;
    while v_high - v_low > 1 loop
        v_middle := (v_low + v_high) / 2;
        if to_timestamp(v_middle) at time zone p_time_zone < p_local then
            v_low := v_middle;
        else
            v_high := v_middle;
        end if;
    end loop;
    return to_timestamp(v_high);
end;
$$;

comment on function app.instant_of(timestamp, text) is
'The first instant at which clocks in p_time_zone show p_local or a later time. For a repeated local
time this is its first occurrence; for a skipped one, the instant of the change. The result never
decreases while p_local increases, so intervals that meet as local times also meet as instants.';

commit;
