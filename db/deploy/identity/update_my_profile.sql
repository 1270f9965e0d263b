-- Deploy telemed:identity/update_my_profile to pg

begin;

create function api.update_my_profile(
    p_full_name text default null,
    p_phone text default null,
    p_date_of_birth date default null,
    p_language text default null,
    p_time_zone text default null,
    p_clear text[] default '{}',
    p_versions text[] default null
)
returns api.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_user api.users;
begin
    perform app.require_clearable(p_clear, '{phone,date_of_birth,language,time_zone}');
    if p_date_of_birth > (app.clock() at time zone 'UTC')::date + 1 then
        raise exception 'The date of birth lies in the future'
            using errcode = 'TM201', column = 'date_of_birth';
    end if;
    if p_time_zone is not null and not app.is_iana_time_zone(p_time_zone) then
        raise exception 'The time zone is not in the IANA time zone database'
            using errcode = 'TM204', column = 'time_zone';
    end if;

    -- The lock decides between two changes at once. The query after it sees what the first one has
    -- committed, so the second one is refused.
    perform from app.profiles where user_id = v_actor.user_id for no key update;
    select * into strict v_user from api.users where id = v_actor.user_id;
    perform app.require_version(p_versions, v_user);

    update app.profiles
    set full_name = coalesce(p_full_name, full_name),
        phone = case when 'phone' = any (p_clear) then p_phone else coalesce(p_phone, phone) end,
        date_of_birth = case
            when 'date_of_birth' = any (p_clear) then p_date_of_birth
            else coalesce(p_date_of_birth, date_of_birth)
        end,
        language = case
            when 'language' = any (p_clear) then p_language else coalesce(p_language, language)
        end,
        time_zone = case
            when 'time_zone' = any (p_clear) then p_time_zone
            else coalesce(p_time_zone, time_zone)
        end
    where user_id = v_actor.user_id;

    select * into strict v_user from api.users where id = v_actor.user_id;
    return v_user;
end;
$$;

comment on function api.update_my_profile is
'Changes the caller''s profile. Null leaves a field as it is; p_clear names the fields that become
null: phone, date_of_birth, language, time_zone, as in p_clear => ''{phone}''. A field in both gets
its value. p_language: a language tag of BCP 47 such as en or pt-BR; p_time_zone: an IANA time zone.
p_versions: the entity tags of the profile that the caller has read; * for any. Raises TM101, TM102,
TM201, TM204, TM302, TM501, TM601.';

grant execute on function api.update_my_profile to telemed_api, telemed_dba;

commit;
