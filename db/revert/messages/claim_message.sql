-- Revert telemed:messages/claim_message from pg

begin;

drop function work.claim_message(uuid);
drop function app.skip_message(app.messages, text);
drop type work.claimed_messages;

commit;
