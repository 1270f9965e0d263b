-- Revert telemed:identity/signed_in_actor from pg

begin;

drop function app.signed_in_actor();
drop type app.actor;

commit;
