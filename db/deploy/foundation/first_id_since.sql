-- Deploy telemed:foundation/first_id_since to pg

begin;

create function app.first_id_since(p_since timestamptz)
returns uuid
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_since = 'infinity' then
        return 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid;
    end if;
    return encode(
        overlay(
            decode('00000000000070008000000000000000', 'hex')
            placing substring(
                int8send(least(
                    281474976710655,  -- the largest of 48 bits, in the year 10889
                    greatest(0, floor(extract(epoch from p_since) * 1000)))::bigint) from 3)
            from 1 for 6),
        'hex')::uuid;
end;
$$;

comment on function app.first_id_since(timestamptz) is
'The smallest id that app.uuid_v7 can make from p_since on; the smallest of all for null.';

commit;
