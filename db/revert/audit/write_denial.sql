-- Revert telemed:audit/write_denial from pg

begin;

drop function app.write_denial(text, text, uuid);

commit;
