-- Step 3: the bound, as a constraint that is checked while people work.
--
--     psql -v until="2027-02-01 00:00:00+00" -f 3_bound.sql
--
-- Consultations made before it stay in the table as it is; from then on they go to new partitions.
-- No consultation can be made after the bound until step 4 is done: choose it far enough ahead, or
-- drop the constraint in time. Run as a superuser.

set search_path = pg_catalog, pg_temp;
select set_config('partitioning.until', :'until', false) \g /dev/null

do $$
declare
    v_until timestamptz := current_setting('partitioning.until');
begin
    if v_until < clock_timestamp() + interval '10 seconds' then
        raise exception 'The bound has to be some time ahead, not %', v_until;
    end if;
    loop
        begin
            set local lock_timeout = '300ms';
            lock table app.consultations in access exclusive mode;
            exit;
        exception when lock_not_available then
            perform pg_sleep(random() * 0.5);
        end;
    end loop;
    execute format(
        'alter table app.consultations add constraint consultations_are_made_before_the_bound '
        'check (id < %L) not valid', app.first_id_since(v_until));
end;
$$;

alter table app.consultations validate constraint consultations_are_made_before_the_bound;
