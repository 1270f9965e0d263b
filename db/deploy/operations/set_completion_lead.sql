-- Deploy telemed:operations/set_completion_lead to pg

begin;

set local role telemed_internal;
create function ops.set_completion_lead(p_lead interval)
returns interval
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    if p_lead is null or p_lead not between interval '0' and interval '1 day' then
        raise exception 'Give a completion lead from 0 to 24 hours'
            using errcode = 'TM201', column = 'lead';
    end if;
    update app.clinic_settings set completion_lead = p_lead where completion_lead <> p_lead;
    return p_lead;
end;
$$;

comment on function ops.set_completion_lead(interval) is
'Sets the completion lead: a doctor may complete a consultation from p_lead (0 to 24 hours) before
its start. After a deployment it is 15 minutes. It holds from the next call on. Returns p_lead.
Raises TM201.';

grant execute on function ops.set_completion_lead(interval) to telemed_dba;

commit;
