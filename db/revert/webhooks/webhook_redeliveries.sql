-- Revert telemed:webhooks/webhook_redeliveries from pg

begin;

select app.refuse_to_lose_rows('webhook_redeliveries');

drop view api.webhook_redeliveries;
drop table app.webhook_redeliveries;

commit;
