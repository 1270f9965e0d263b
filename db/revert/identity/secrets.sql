-- Revert telemed:identity/secrets from pg

begin;

drop table app.secrets;

commit;
