-- Deploy telemed:operations/change_role to pg

begin;

set local role telemed_internal;
create function ops.change_role(p_user text, p_role text)
returns api.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users;
    v_row api.users;
begin
    perform app.forget_actor();
    v_user := app.account_named(p_user);
    if v_user.id is null then
        raise exception 'There is no user with this e-mail address or id' using errcode = 'TM406';
    end if;
    if p_role is null or p_role not in ('admin', 'patient') or v_user.role = 'doctor' then
        raise exception 'Change a patient to admin or an admin to patient; a doctor stays a doctor'
            using errcode = 'TM223', column = 'role';
    end if;

    begin
        update app.users set role = p_role where id = v_user.id and role <> p_role;
    exception
        -- consultations_are_booked_by_users_with_the_role_patient, also if a booking is concurrent.
        when foreign_key_violation then
            raise exception 'The user is the patient of a consultation: the role stays patient'
                using errcode = 'TM921';
    end;

    insert into app.access_logs (kind, operation, resource_ids)
    values ('read', 'change_role', array[v_user.id]);
    select
        u.id, u.email::text, u.role, p.full_name::text, p.phone::text, p.date_of_birth,
        u.created_at::timestamptz, u.email_verified_at::timestamptz, p.language,
        p.time_zone::text, u.mfa_confirmed_at::timestamptz
    into strict v_row
    from app.users as u
    inner join app.profiles as p on p.user_id = u.id
    where u.id = v_user.id;
    return v_row;
end;
$$;

comment on function ops.change_role(text, text) is
'Makes a patient an admin, or an admin a patient, and returns the account. p_user: e-mail address or
id; p_role: admin or patient. All sessions of the user end; the next log-in has the new role. A
patient with a consultation stays a patient. The access log records the call. Raises TM223, TM406,
TM921.';

grant execute on function ops.change_role(text, text) to telemed_dba;

commit;
