-- Revert telemed:audit/changes_of_row from pg

begin;

drop function app.changes_of_row(text, text);

commit;
