-- Verify telemed:messages/message_rules on pg

begin;

select null::app.message_rule;
select 'app.message_rules()'::regprocedure, 'app.message_preference(text)'::regprocedure;

rollback;
