-- Revert telemed:identity/set_actor from pg

begin;

drop function app.set_actor(uuid, text, uuid);

commit;
