-- Revert telemed:foundation/schemas from pg

begin;

alter default privileges grant execute on functions to public;
alter default privileges in schema app
revoke select, insert, update, delete on tables from telemed_internal;
alter default privileges in schema app revoke select on sequences from telemed_internal;
alter default privileges in schema app revoke execute on functions from telemed_internal;
alter default privileges in schema api revoke select on tables from telemed_internal;

set local role telemed_internal;
alter default privileges grant execute on functions to public;
alter default privileges in schema app revoke execute on functions from telemed_owner;
reset role;

drop schema extensions;
drop schema ops;
drop schema api;
drop schema app;

do $$
begin
    execute format(
        'revoke all on database %I from telemed_api, telemed_dba, telemed_auditor, telemed_internal,'
        ' telemed_backup',
        current_database());
    execute format('grant connect, temporary on database %I to public', current_database());
end;
$$;

commit;
