-- Revert telemed:identity/request_email_verification from pg

begin;

drop function api.request_email_verification;

commit;
