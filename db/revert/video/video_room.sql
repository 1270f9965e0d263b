-- Revert telemed:video/video_room from pg

begin;

drop function app.video_room(uuid, uuid);

set local role telemed_internal;
delete from app.secrets where name = 'video_room';

commit;
