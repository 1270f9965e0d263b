-- Deploy telemed:operations/list_advice to pg

begin;

create type api.advice as (severity text, subject text, found text, advice text);

comment on type api.advice is
'One piece of advice: see ops.advice.';

create function api.list_advice()
returns setof api.advice
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_role('admin');
    return query select a.severity, a.subject, a.found, a.advice from app.advice() as a;
end;
$$;

comment on function api.list_advice() is
'The advice of ops.advise for admins of the clinic, who pass it on to the DBA. Of the invariants it
has what earlier checks have found, and makes no check itself. It changes nothing. Raises TM101,
TM102, TM301, TM302.';

grant execute on function api.list_advice to telemed_api, telemed_dba;

commit;
