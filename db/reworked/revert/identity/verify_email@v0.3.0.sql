-- Revert telemed:identity/verify_email from pg

begin;

drop function api.verify_email(text);
drop function app.spend_email_verification(uuid, text);

commit;
