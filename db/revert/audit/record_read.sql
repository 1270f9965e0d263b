-- Revert telemed:audit/record_read from pg

begin;

drop function app.record_read(text, uuid[]);

commit;
