-- Deploy telemed:identity/identity_invariants to pg

begin;

set local role telemed_internal;

create function app.identity_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first uuid := app.first_id_since(p_since);
begin
    return query
    select
        'every_user_is_complete',
        'Every user has a profile, and every doctor a row among the doctors.',
        array(
            select u.id::text
            from app.users as u
            where u.id >= v_first
              and (not exists (select from app.profiles as p where p.user_id = u.id)
                   or (u.role = 'doctor'
                       and not exists (select from app.doctors as d where d.user_id = u.id))));

    return query
    select
        'doctors_have_the_name_and_the_state_of_their_account',
        'A doctor is shown with the name of the profile and the state of the account.',
        array(
            select d.user_id::text
            from app.doctors as d
            inner join app.users as u on u.id = d.user_id
            inner join app.profiles as p on p.user_id = d.user_id
            where d.user_id >= v_first
              and (d.full_name <> p.full_name
                   or d.deactivated_at is distinct from u.deactivated_at));

    return query
    select
        'doctors_are_found_by_their_own_words',
        'A doctor has the code of the specialty, and the text for searches has the present words.',
        array(
            select d.user_id::text
            from app.doctors as d
            where d.user_id >= v_first
              and (d.specialty_code <> app.specialty_code(d.specialty)
                   or d.search_text <> app.doctor_search_text(
                       d.full_name, d.specialty, d.languages::text[])));

    return query
    select
        'no_two_accounts_have_one_email',
        'No two accounts have e-mail addresses that differ only in case or composition.',
        array(
            select u.id::text
            from app.users as u
            where u.id >= v_first and exists (
                select from app.users as o
                where app.normal_email(o.email) = app.normal_email(u.email) and o.id <> u.id));

    return query
    select
        'verified_addresses_have_a_used_token',
        'Every verified e-mail address was verified by a token that was sent to it.',
        array(
            select u.id::text
            from app.users as u
            where u.id >= v_first and u.email_verified_at is not null and not exists (
                select from app.email_verifications as v
                where v.user_id = u.id
                  and v.email = u.email
                  and v.used_at = u.email_verified_at));

    return query
    select
        'a_session_has_at_most_one_unspent_refresh_token',
        'Every session has at most one unspent refresh token.',
        array(
            select t.session_id::text
            from app.refresh_tokens as t
            where t.spent_at is null and t.session_id >= v_first
            group by t.session_id
            having count(*) > 1);

    return query
    select
        'what_rests_on_a_second_factor_has_one',
        'A user with an unspent recovery code, or with a session that had a second factor,'
        ' has a second factor.',
        array(
            select u.id::text
            from app.users as u
            where u.mfa_confirmed_at is null and u.id in (
                select c.user_id
                from app.recovery_codes as c
                where c.id >= v_first and c.spent_at is null
                union
                select s.user_id
                from app.sessions as s
                where s.id >= v_first and s.second_factor_at is not null));
end;
$$;

comment on function app.identity_invariants(timestamptz) is
'The invariants of identity, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
