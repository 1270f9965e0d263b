-- Revert telemed:messages/message_rules from pg

begin;

drop function app.message_preference(text);
drop function app.message_rules();
drop type app.message_rule;

commit;
