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
    perform app.refuse_faults(array(
        select row(f.field, f.code, f.detail)::app.fault
        from (values
            (p_time_zone is not null and not app.is_iana_time_zone(p_time_zone),
                'time_zone', 'TM204', 'The time zone is not in the IANA time zone database'),
            (p_currency is not null and app.currency_exponent(p_currency) is null,
                'currency', 'TM201', 'currency must be an active ISO 4217 code, such as EUR'),
            (cardinality(p_languages) > 20 or not app.are_different(p_languages)
                or exists (
                    select from unnest(p_languages) as l where app.language_name(l) is null),
                'languages', 'TM201',
                'languages must be at most 20 different ISO 639-1 codes, such as es'),
            (p_practising_since not between 1900 and date_part('year', app.clock()),
                'practising_since', 'TM201',
                'practising_since must be a year from 1900 to the present one')
        ) as f (is_wrong, field, code, detail)
        where f.is_wrong));
end;
$$;

comment on function app.check_doctor(text, text, text[], integer) is
'Refuses values of app.doctors that its constraints refuse too, here with the names of all wrong
fields (app.refuse_faults). Null is accepted. Raises TM201, TM204.';

commit;
