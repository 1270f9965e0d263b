-- Deploy telemed:operations/set_video_window to pg

begin;

create type ops.video_windows as (lead interval, grace interval);

comment on type ops.video_windows is
'When video rooms are open: from the lead before the start of a consultation until the grace after
its end.';

set local role telemed_internal;
create function ops.set_video_window(p_lead interval, p_grace interval)
returns ops.video_windows
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    if p_lead is null or p_lead not between interval '0' and interval '1 day' then
        raise exception 'Give a lead from 0 to 24 hours' using errcode = 'TM201', column = 'lead';
    end if;
    if p_grace is null or p_grace not between interval '0' and interval '1 day' then
        raise exception 'Give a grace from 0 to 24 hours' using errcode = 'TM201', column = 'grace';
    end if;
    update app.clinic_settings
    set video_lead = p_lead, video_grace = p_grace
    where (video_lead, video_grace) <> (p_lead, p_grace);
    return row(p_lead, p_grace)::ops.video_windows;
end;
$$;

comment on function ops.set_video_window(interval, interval) is
'Sets when video rooms are open: from p_lead before the start of a consultation until p_grace after
its end (each 0 to 24 hours). After a deployment they are 15 and 30 minutes. It holds from the next
call on. Returns both. Raises TM201.';

grant execute on function ops.set_video_window(interval, interval) to telemed_dba;

commit;
