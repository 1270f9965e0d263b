-- Revert telemed:operations/record_backup from pg

begin;

select app.refuse_to_lose_rows('backups');

drop function ops.record_backup;
drop table app.backups;

commit;
