-- Revert telemed:messages/messages from pg

begin;

select app.refuse_to_lose_rows('message_tokens');
select app.refuse_to_lose_rows('messages');

drop function app.subject_of_token(bytea);
drop function app.make_message_token(uuid);
drop table app.message_tokens;
drop table app.messages;
drop function app.messages_change_only_as_permitted();

commit;
