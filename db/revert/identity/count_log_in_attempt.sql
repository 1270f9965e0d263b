-- Revert telemed:identity/count_log_in_attempt from pg

begin;

drop function app.count_log_in_attempt(text, text);
drop function app.remembered_failures(app.log_in_attempts, timestamptz);

commit;
