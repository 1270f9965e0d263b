-- Verify telemed:webhooks/check_webhook on pg

begin;

select 'app.check_webhook(text[], text)'::regprocedure;
select 'app.lock_webhook(uuid)'::regprocedure;
select 'app.webhook_event_types()'::regprocedure;

rollback;
