-- Revert telemed:events/add_event from pg

begin;

drop function app.add_event(text, jsonb, uuid, uuid, uuid, uuid, uuid);

commit;
