-- Revert telemed:video/video_window from pg

begin;

drop function app.video_window(timestamptz, timestamptz);

commit;
