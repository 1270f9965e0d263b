-- Deploy telemed:identity/check_doctor to pg

begin;

create function app.check_doctor(
    p_time_zone text, p_currency text, p_languages text[], p_practising_since integer
)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_time_zone is not null and not app.is_iana_time_zone(p_time_zone) then
        raise exception 'The time zone is not in the IANA time zone database'
            using errcode = 'TM204', column = 'time_zone';
    end if;
    if p_currency is not null and app.currency_exponent(p_currency) is null then
        raise exception 'currency must be an active ISO 4217 code, such as EUR'
            using errcode = 'TM201', column = 'currency';
    end if;
    if cardinality(p_languages) > 20 or not app.are_different(p_languages)
        or exists (select from unnest(p_languages) as l where app.language_name(l) is null) then
        raise exception 'languages must be at most 20 different ISO 639-1 codes, such as es'
            using errcode = 'TM201', column = 'languages';
    end if;
    if p_practising_since not between 1900 and date_part('year', app.clock()) then
        raise exception 'practising_since must be a year from 1900 to the present one'
            using errcode = 'TM201', column = 'practising_since';
    end if;
end;
$$;

comment on function app.check_doctor(text, text, text[], integer) is
'Refuses values of app.doctors that its constraints refuse too, here with the name of the field.
Null is accepted. Raises TM201, TM204.';

commit;
