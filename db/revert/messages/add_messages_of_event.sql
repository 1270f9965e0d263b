-- Revert telemed:messages/add_messages_of_event from pg

begin;

drop function app.add_messages_of_event(app.events);

commit;
