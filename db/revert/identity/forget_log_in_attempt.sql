-- Revert telemed:identity/forget_log_in_attempt from pg

begin;

drop function app.forget_log_in_attempt(text, text, boolean);

commit;
