-- Verify telemed:operations/set_video_window on pg

begin;

select null::ops.video_windows;
select 'ops.set_video_window(interval, interval)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.set_video_window(interval, interval)', 'execute')::integer;

rollback;
