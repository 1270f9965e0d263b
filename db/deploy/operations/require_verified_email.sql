-- Deploy telemed:operations/require_verified_email to pg

begin;

set local role telemed_internal;
create function ops.require_verified_email(p_required boolean)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    if p_required is null then
        raise exception 'Give true or false' using errcode = 'TM201', column = 'required';
    end if;
    update app.clinic_settings
    set verified_email_required = p_required
    where verified_email_required <> p_required;
    return p_required;
end;
$$;

comment on function ops.require_verified_email(boolean) is
'Chooses whether only patients with a verified e-mail address may book. After a deployment every
patient may. It holds from the next call on; booked consultations stay. Returns p_required. Raises
TM201.';

grant execute on function ops.require_verified_email(boolean) to telemed_dba;

commit;
