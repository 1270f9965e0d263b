-- Revert telemed:operations/set_video_window from pg

begin;

drop function ops.set_video_window(interval, interval);
drop type ops.video_windows;

commit;
