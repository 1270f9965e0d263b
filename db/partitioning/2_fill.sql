-- Step 2: what consultations hold that were made before step 1, in batches of a thousand.
--
-- Run as a superuser. It may be stopped at any time and run again: it goes on where it was.

set search_path = pg_catalog, pg_temp;

do $$
declare
    v_last uuid := '00000000-0000-0000-0000-000000000000';
    v_rows bigint;
    v_done bigint := 0;
begin
    loop
        -- A row that somebody changes meanwhile is waited for, and one that is locked here is not
        -- changed before its hold is there: from then on the trigger sees to it.
        with batch as materialized (
            select c.* from app.consultations as c
            where c.id > v_last order by c.id limit 1000 for share
        ),
        held as (
            insert into app.consultation_holds
            select
                b.id, b.slot_id, b.patient_id, b.starts_at, b.ends_at,
                b.status = 'scheduled'
            from batch as b where b.status <> 'cancelled'
            on conflict (consultation_id) do nothing
        )
        select count(*), (array_agg(b.id order by b.id desc))[1] into v_rows, v_last from batch as b;
        commit;
        exit when v_rows = 0;
        v_done := v_done + v_rows;
        if v_done % 100000 = 0 then
            raise notice '% consultations', v_done;
        end if;
    end loop;

    if exists (
        select from app.consultations as c
        full join app.consultation_holds as h on h.consultation_id = c.id
        where case
            when c.status = 'cancelled' then h.consultation_id is not null
            else (c.slot_id, c.patient_id, c.starts_at, c.ends_at, c.status = 'scheduled')
                is distinct from (h.slot_id, h.patient_id, h.starts_at, h.ends_at, h.is_scheduled)
        end
    ) then
        raise exception 'Some consultations do not hold what they should';
    end if;
    raise notice '% consultations, each holds what it should', v_done;
end;
$$;

analyze app.consultation_holds;
