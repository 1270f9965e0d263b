-- Revert telemed:identity/issue_refresh_token from pg

begin;

drop function app.next_refresh_token(text);
drop function app.first_refresh_token();
drop function app.issue_refresh_token(uuid, text);

commit;
