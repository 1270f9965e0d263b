-- Revert telemed:foundation/rows_are_append_only from pg

begin;

drop function app.rows_are_append_only();

commit;
