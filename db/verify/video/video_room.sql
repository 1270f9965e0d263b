-- Verify telemed:video/video_room on pg

begin;

select 'app.video_room(uuid, uuid)'::regprocedure;

rollback;
