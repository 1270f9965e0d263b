-- Deploy telemed:foundation/uuid_v7 to pg

begin;

-- PostgreSQL 18 has uuidv7() built in; 15 to 17 do not. One implementation serves all of them:
-- 48 bits of milliseconds over the first bytes of a random UUID, then version 7 in place of 4.
create function app.uuid_v7()
returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return encode(
        set_bit(
            set_bit(
                overlay(
                    uuid_send(gen_random_uuid())
                    placing substring(
                        int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                    from 1 for 6),
                52, 1),
            53, 1),
        'hex')::uuid;
end;
$$;

comment on function app.uuid_v7() is
'A new time-ordered identifier (RFC 9562, section 5.7): rows made together stay together on disk.';

commit;
