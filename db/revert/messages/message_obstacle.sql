-- Revert telemed:messages/message_obstacle from pg

begin;

drop function app.message_obstacle(app.messages);

commit;
