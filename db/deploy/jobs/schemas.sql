-- Deploy telemed:jobs/schemas to pg
--
-- The schema procrastinate stays empty here: `python -m worker.schema`, which scripts/deploy.sh
-- runs after Sqitch, has the library make its tables.

begin;

create schema work;
comment on schema work is
'Functions that only the worker calls: what a job does in the database.';

create schema procrastinate;
comment on schema procrastinate is
'The queue: tables and functions of the library procrastinate, which makes them itself.';

do $$
begin
    execute format('grant connect on database %I to telemed_worker', current_database());
end;
$$;

grant usage on schema work, procrastinate to telemed_worker;
grant usage, create on schema work to telemed_internal;
grant usage on schema procrastinate to telemed_internal;

-- For the objects that the library will make as telemed_owner.
alter default privileges in schema procrastinate
grant select, insert, update, delete on tables to telemed_worker, telemed_internal;
alter default privileges in schema procrastinate
grant usage on sequences to telemed_worker, telemed_internal;
alter default privileges in schema procrastinate
grant execute on functions to telemed_worker, telemed_internal;

commit;
