-- Deploy telemed:video/video_room to pg

begin;

set local role telemed_internal;
insert into app.secrets (name) values ('video_room');

-- Derived, and not stored: a booking writes nothing for it, and no table, dump or log has a name
-- that could be tried.
create function app.video_room(p_consultation_id uuid, p_slot_id uuid)
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select encode(
            substr(
                extensions.hmac(
                    convert_to(concat_ws('|', p_consultation_id, p_slot_id), 'UTF8'),
                    s.value, 'sha256'),
                1, 16),
            'hex')
        from app.secrets as s
        where s.name = 'video_room');
end;
$$;

comment on function app.video_room(uuid, uuid) is
'The name of the video room of a consultation in a slot: 32 hexadecimal digits, the first 16 bytes
of an HMAC-SHA-256 (RFC 2104) with a key that never leaves the database. Nobody can guess it, and it
is another one after a reschedule.';

commit;
