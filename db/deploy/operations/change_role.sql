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
        raise exception 'There is no such user' using errcode = 'TM406';
    end if;
    if p_role is null or p_role not in ('admin', 'patient') or v_user.role = 'doctor' then
        raise exception 'A patient becomes an admin, or an admin a patient: a doctor has a practice'
            using errcode = 'TM223', column = 'role';
    end if;

    begin
        update app.users set role = p_role where id = v_user.id and role <> p_role;
    exception
        -- consultations_are_booked_by_users_with_the_role_patient, also when it is this moment.
        when foreign_key_violation then
            raise exception 'The user is the patient of a consultation' using errcode = 'TM921';
    end;

    select
        u.id, u.email::text, u.role, p.full_name::text, p.phone::text, p.date_of_birth,
        u.created_at::timestamptz
    into strict v_row
    from app.users as u
    inner join app.profiles as p on p.user_id = u.id
    where u.id = v_user.id;
    return v_row;
end;
$$;

comment on function ops.change_role(text, text) is
'Makes a patient an admin, or an admin a patient; p_user: e-mail address or id. It ends all their
sessions: they log in again, in the new role. A patient with consultations stays one, so that these
keep their patient. Raises TM223, TM406, TM921.';

grant execute on function ops.change_role(text, text) to telemed_dba;

commit;
