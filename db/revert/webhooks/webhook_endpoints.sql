-- Revert telemed:webhooks/webhook_endpoints from pg

begin;

select app.refuse_to_lose_rows('webhook_endpoints');

drop view api.webhooks;
drop function app.is_wanted_by_a_webhook(text);
drop table app.webhook_endpoints;
drop function app.webhook_wants(text[], text);
drop function app.webhook_endpoints_stay_deleted();

commit;
