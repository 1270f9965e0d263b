-- Revert telemed:audit/access_logs from pg

begin;

select app.refuse_to_lose_rows('access_logs');

drop view ops.access_logs;
drop view api.access_logs;
drop table app.access_logs;

commit;
