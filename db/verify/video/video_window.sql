-- Verify telemed:video/video_window on pg

begin;

select 'app.video_window(timestamptz, timestamptz)'::regprocedure;

rollback;
