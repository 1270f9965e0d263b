-- Verify telemed:messages/claim_message on pg

begin;

select null::work.claimed_messages;
select 'app.skip_message(app.messages, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_worker', 'work.claim_message(uuid)', 'execute')::integer;

rollback;
