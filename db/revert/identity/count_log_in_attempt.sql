-- Revert telemed:identity/count_log_in_attempt from pg

begin;

drop function app.count_log_in_attempt(text, text);

commit;
