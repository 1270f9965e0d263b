-- Revert telemed:foundation/first_id_since from pg

begin;

drop function app.first_id_since(timestamptz);

commit;
