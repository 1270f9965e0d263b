-- Revert telemed:foundation/refuse from pg

begin;

drop function app.refuse(text, text, jsonb);

commit;
