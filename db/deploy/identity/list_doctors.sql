-- Deploy telemed:identity/list_doctors to pg

begin;

create view api.listed_doctors as
select
    d.*,
    (select s.starts_at::timestamptz from app.availability_slots as s
     where s.doctor_id = d.id and s.status = 'open' and s.starts_at > app.clock()
     order by s.starts_at limit 1) as next_free_at
from api.doctors as d;

comment on view api.listed_doctors is
'A doctor with next_free_at: the start of the first open slot that has not begun, or null.';

create function api.list_doctors(
    p_specialty text default null,
    p_q text default null,
    p_language text default null,
    p_max_fee_minor bigint default null,
    p_sort text default null,
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.listed_doctors
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := app.clock();
    v_code text;
    v_words text[];
    v_list text;
    v_after jsonb;
    v_after_free_at timestamptz;
    v_after_relevance integer;
    v_after_id uuid;
    v_ids uuid[];
    v_positions jsonb[];
begin
    perform app.current_actor();
    perform app.check_limit(p_limit);
    if p_sort not in ('relevance', 'next_free') then
        raise exception 'sort must be relevance or next_free'
            using errcode = 'TM201', column = 'sort';
    end if;
    if p_language is not null and app.language_name(p_language) is null then
        raise exception 'language must be an ISO 639-1 code, such as es'
            using errcode = 'TM201', column = 'language';
    end if;
    v_code := app.specialty_code(p_specialty);
    v_words := array(
        select w from regexp_split_to_table(app.folded_text(left(p_q, 201)), '\s+') as w
        where w <> '');
    if char_length(p_q) > 200 or cardinality(v_words) > 10 then
        raise exception 'q must have at most 200 characters and 10 words'
            using errcode = 'TM201', column = 'q';
    end if;
    -- A cursor belongs to one order and to the words whose relevance it has.
    v_list := concat_ws(
        ' ', 'list_doctors', coalesce(p_sort, 'relevance'),
        encode(sha256(convert_to(v_words::text, 'UTF8')), 'hex'));
    v_after := app.cursor_position(v_list, p_cursor);
    v_after_free_at := (v_after ->> 0)::timestamptz;
    v_after_relevance := (v_after ->> 1)::integer;
    v_after_id := (v_after ->> 2)::uuid;

    -- The position of a doctor in the list: next free time, relevance, id. The first is the same
    -- for all doctors if the list is sorted by relevance, and the second if it is sorted by time.
    select
        array_agg(c.id order by c.free_at, c.relevance desc, c.id),
        array_agg(
            jsonb_build_array(c.free_at, c.relevance, c.id)
            order by c.free_at, c.relevance desc, c.id)
    into v_ids, v_positions
    from (
        select m.id, m.free_at, m.relevance
        from (
            select
                d.user_id as id,
                case when p_sort = 'next_free' then
                    coalesce(
                        (select s.starts_at from app.availability_slots as s
                         where s.doctor_id = d.user_id
                           and s.status = 'open' and s.starts_at > v_now
                         order by s.starts_at limit 1),
                        timestamptz 'infinity')
                else timestamptz '-infinity'
                end as free_at,
                case when p_sort = 'next_free' then 0
                else (
                    select coalesce(
                        sum(1000 * (position(w in d.search_text) > 0)::integer
                            + round(1000 * extensions.strict_word_similarity(w, d.search_text))),
                        0)
                    from unnest(v_words) as w)
                end::integer as relevance
            from app.doctors as d
            where d.deactivated_at is null
              and (v_code is null or d.specialty_code = v_code)
              and (p_language is null or p_language = any (d.languages::text[]))
              and (p_max_fee_minor is null or d.fee_minor <= p_max_fee_minor)
              -- Each word is a part of the text (not a pattern: % and _ mean themselves), or is
              -- like a word of it. Shorter words are like too many others.
              and not exists (
                  select from unnest(v_words) as w
                  where position(w in d.search_text) = 0
                    and not (
                        char_length(w) >= 4
                        and extensions.strict_word_similarity(w, d.search_text) >= 0.4))
        ) as m
        where v_after is null
           or (m.free_at, - m.relevance, m.id)
               > (v_after_free_at, - v_after_relevance, v_after_id)
        order by m.free_at, m.relevance desc, m.id
        limit p_limit + 1
    ) as c;
    perform app.set_next_cursor(
        v_list, case when cardinality(v_ids) > p_limit then v_positions[p_limit] end);

    return query
    select d.*
    from unnest(v_ids[:p_limit]) with ordinality as p (id, place)
    inner join api.listed_doctors as d on d.id = p.id
    order by p.place;
end;
$$;

comment on function api.list_doctors is
'Active doctors; each filter that is not null applies. p_specialty: the name or code of a whole
specialty. p_q: words, each of them part of the name, the specialty or the English name of a
language of the doctor, or like one of their words; case and accents do not matter. p_language: an
ISO 639-1 code. p_max_fee_minor: the highest fee, in minor units of the doctor''s own currency.
p_sort: next_free for the earliest open slot first (doctors without one come last), relevance or
null for the best match of p_q first and otherwise the order in which the doctors joined. p_limit: 1
to 1000 rows; p_cursor: app.next_cursor of the page before, with the same p_q and p_sort. Raises
TM101, TM102, TM201, TM302.';

grant execute on function api.list_doctors to telemed_api, telemed_dba;

commit;
