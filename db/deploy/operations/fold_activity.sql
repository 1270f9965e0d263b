-- Deploy telemed:operations/fold_activity to pg

begin;

set local role telemed_internal;
create function ops.fold_activity(p_rows bigint default 1000000)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    if p_rows is null or p_rows not between 1 and 10000000 then
        raise exception 'Give 1 to 10,000,000 rows' using errcode = 'TM201', column = 'rows';
    end if;
    return app.fold_changes(p_rows);
end;
$$;

comment on function ops.fold_activity(bigint) is
'Folds the sealed part of the audit log into the sums that api.clinic_analytics reads, at most
p_rows ids (1 to 10,000,000), and returns how many. Each change is folded once; call it again while
it returns p_rows. The analytics are exact without it, and slower with each change that is not
folded. No booking waits for it. Raises TM201.';

grant execute on function ops.fold_activity(bigint) to telemed_dba;

create function ops.rebuild_activity()
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    perform app.fold_changes(null, true);
end;
$$;

comment on function ops.rebuild_activity() is
'Computes the sums that api.clinic_analytics reads again from the rows of the tables: after rows
were loaded without their audit log, or if ops.check_invariants reports a wrong sum. It reads all
consultations, slots and payments. No booking waits for it, but analytics show the former sums until
it ends.';

grant execute on function ops.rebuild_activity() to telemed_dba;

commit;
