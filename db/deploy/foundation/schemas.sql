-- Deploy telemed:foundation/schemas to pg

begin;

do $$
begin
    if current_user <> 'telemed_owner' then
        raise exception 'Deploy as telemed_owner: PGOPTIONS="-c role=telemed_owner" sqitch deploy';
    end if;

    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to telemed_api, telemed_dba, telemed_auditor',
        current_database());
    -- telemed_internal cannot log in; it needs this right for pg_database_size.
    execute format('grant connect on database %I to telemed_internal', current_database());
    execute format('grant connect on database %I to telemed_backup', current_database());
end;
$$;

create schema app;
comment on schema app is
'Tables, constraints, triggers and internal functions. Only telemed_owner and telemed_internal have
rights here.';

create schema api;
comment on schema api is
'The SQL contract: functions and the row types that they return.';

create schema ops;
comment on schema ops is
'Functions for DBAs and auditors, such as act_as, check_invariants and create_admin.';

create schema extensions;
comment on schema extensions is 'Objects of the PostgreSQL extensions that the product uses.';

grant usage on schema api to telemed_api, telemed_dba;
grant usage on schema ops to telemed_dba, telemed_auditor;
grant usage on schema api, extensions to telemed_internal;
grant usage, create on schema app, ops to telemed_internal;

-- Closed until granted. Only this global form has an effect: "in schema" cannot take away
-- what the built-in default gives to PUBLIC.
alter default privileges revoke execute on functions from public;

-- telemed_internal has the rights of the owner on rows and functions, but sees all rows.
alter default privileges in schema app
grant select, insert, update, delete on tables to telemed_internal;
alter default privileges in schema app grant select on sequences to telemed_internal;
alter default privileges in schema app grant execute on functions to telemed_internal;
alter default privileges in schema api grant select on tables to telemed_internal;

set local role telemed_internal;
alter default privileges revoke execute on functions from public;
alter default privileges in schema app grant execute on functions to telemed_owner;

commit;
