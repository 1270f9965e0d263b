-- Revert telemed:audit/record_change from pg

begin;

drop function app.record_change();

commit;
