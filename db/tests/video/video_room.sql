begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select gen_random_uuid() as consultation, gen_random_uuid() as slot \gset
select app.video_room(:'consultation', :'slot') as room \gset
select matches(:'room'::text, '^[0-9a-f]{32}$', 'video_room: a name has 128 bits in lower case');
select is(app.video_room(:'consultation', :'slot'), :'room'::text,
    'video_room: a consultation in its slot always has the same room');
select is(
    :'room'::text,
    (select left(encode(extensions.hmac(
        convert_to(:'consultation' || '|' || :'slot', 'UTF8'), k.value, 'sha256'), 'hex'), 32)
     from app.secrets as k where k.name = 'video_room'),
    'video_room: a name is the beginning of the HMAC over both ids');
select isnt(app.video_room(:'consultation', gen_random_uuid()), :'room'::text,
    'video_room: a consultation in another slot has another room');
select isnt(app.video_room(gen_random_uuid(), :'slot'), :'room'::text,
    'video_room: another consultation in the slot has another room');
select throws_ok(
    format('set local role %I; select app.video_room(%L, %L)', v.role, :'consultation', :'slot'),
    '42501', null, 'video_room: ' || v.role || ' cannot ask for the name of a room')
from (values ('telemed_api'), ('telemed_dba')) as v (role);
update app.secrets set value = extensions.gen_random_bytes(32) where name = 'video_room';
select isnt(app.video_room(:'consultation', :'slot'), :'room'::text,
    'video_room: a name depends on a key that never leaves the database');

select * from finish();
rollback;
