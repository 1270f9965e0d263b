-- Revert telemed:identity/request_email_change from pg

begin;

drop function api.request_email_change;

commit;
