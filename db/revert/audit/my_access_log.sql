-- Revert telemed:audit/my_access_log from pg

begin;

drop function api.my_access_log(integer, text);
drop function app.reads_about(uuid, bigint, integer);
drop type api.reads_of_me;

commit;
