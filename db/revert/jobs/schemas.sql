-- Revert telemed:jobs/schemas from pg

begin;

-- The library has made these tables, so app.refuse_to_lose_rows does not know them.
do $$
begin
    if current_setting('app.revert_data', true) is distinct from 'yes'
        and to_regclass('procrastinate.procrastinate_jobs') is not null
        and (exists (select from procrastinate.procrastinate_jobs)
             or exists (select from procrastinate.later_jobs))
    then
        raise exception 'The queue has jobs, which this revert would drop'
            using errcode = 'TM930',
            hint = 'Run a worker until the queue is empty, or set app.revert_data = yes.';
    end if;
end;
$$;

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

drop schema procrastinate cascade;
drop schema work;

commit;
