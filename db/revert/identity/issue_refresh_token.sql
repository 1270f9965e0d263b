-- Revert telemed:identity/issue_refresh_token from pg

begin;

drop function app.issue_refresh_token(uuid);

commit;
