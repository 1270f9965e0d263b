-- Deploy telemed:foundation/uuid_v7 to pg

begin;

-- PostgreSQL 18 has uuidv7() built in; 15 to 17 do not. This implementation works in all of them:
-- it overwrites the first half of a random UUID with 48 bits of milliseconds, the version 7 and
-- 12 bits of the fraction of the millisecond, so that ids sort by the time of their creation.
create function app.uuid_v7()
returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_microseconds bigint := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
begin
    return encode(
        overlay(
            uuid_send(gen_random_uuid())
            placing int8send(
                ((v_microseconds / 1000) << 16)
                | (7 << 12)
                | (v_microseconds % 1000 * 4096 / 1000))
            from 1 for 8),
        'hex')::uuid;
end;
$$;

comment on function app.uuid_v7() is
'A new time-ordered identifier (RFC 9562, section 5.7, with the fraction of section 6.2, method 3):
rows that are created together are stored together.';

create function app.time_of_id(p_id uuid)
returns timestamptz
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return to_timestamp(
        ('x' || left(encode(uuid_send(p_id), 'hex'), 12))::bit(48)::bigint / 1000.0);
end;
$$;

comment on function app.time_of_id(uuid) is
'The time at which app.uuid_v7 made an identifier, exact to the millisecond.';

commit;
