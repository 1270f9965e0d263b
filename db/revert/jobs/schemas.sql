-- Revert telemed:jobs/schemas from pg

begin;

alter default privileges in schema procrastinate
revoke select, insert, update, delete on tables from telemed_worker, telemed_internal;
alter default privileges in schema procrastinate
revoke usage on sequences from telemed_worker, telemed_internal;
alter default privileges in schema procrastinate
revoke execute on functions from telemed_worker, telemed_internal;

do $$
begin
    execute format('revoke connect on database %I from telemed_worker', current_database());
end;
$$;

-- Jobs that nobody has done yet are lost with their tables.
do $$
begin
    if to_regclass('procrastinate.procrastinate_jobs') is not null
        and (exists (select from procrastinate.procrastinate_jobs)
             or exists (select from procrastinate.later_jobs))
    then
        raise exception 'The queue has jobs: run a worker until it is empty, or delete them';
    end if;
end;
$$;
drop schema procrastinate cascade;
drop schema work;

commit;
