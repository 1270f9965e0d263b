-- Revert telemed:identity/current_actor from pg

begin;

drop function app.current_actor();

commit;
