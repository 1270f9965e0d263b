-- Verify telemed:webhooks/give_up_deliveries on pg

begin;

select 'app.disable_webhook(uuid, text)'::regprocedure;
select 'app.give_up_deliveries(uuid[])'::regprocedure;
select 'app.resume_consultation(uuid, uuid)'::regprocedure;
select 'app.webhook_lease()'::regprocedure;
select 'app.webhook_delays()'::regprocedure;

rollback;
