begin;
\ir ../helpers/actors.psql
select plan(17);

-- What a publication of the same hours does right after the preview
reset role;
create function pg_temp.as_text(p_starts timestamptz[], p_skipped api.skipped_slot[])
returns text language sql
as $$
    select concat_ws(' / ', array_to_string(p_starts, ','), (
        select string_agg(concat_ws(' ', s.starts_at_local, s.reason, s.starts_at), ',' order by n)
        from unnest(p_skipped) with ordinality as s (starts_at_local, reason, starts_at, n)))
$$;

create function pg_temp.preview(p_arguments text)
returns text language plpgsql
as $$
declare
    v_preview text;
begin
    execute format(
        'select pg_temp.as_text(
             array(select i.starts_at from unnest(w.items) as i), w.skipped)
         from api.preview_weekly_slots(%s) as w', p_arguments) into v_preview;
    return v_preview;
end;
$$;

create function pg_temp.publication(p_arguments text)
returns text language plpgsql
as $$
declare
    v_publication text;
begin
    execute format(
        'select pg_temp.as_text(
             array(select i.starts_at from unnest(w.items) as i), w.skipped)
         from api.publish_weekly_slots(%s) as w', p_arguments) into v_publication;
    return v_publication;
end;
$$;

select pg_temp.open_slot('doctor', '2027-01-11 08:30+00') as other \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-11 10:15+00')) \g /dev/null
select pg_temp.sign_in('doctor');
select id from api.take_time_off('2027-01-13 08:00+00', '2027-01-13 09:00+00') \g /dev/null

-- The permitted path. 2027-01-11 is a Monday; the doctor's clocks are those of Berlin.
select results_eq(
    $$ select i.starts_at, i.ends_at
       from api.preview_weekly_slots('2027-01-11', '2027-01-11', '{1}', '09:00', '10:30', 30) as w
       cross join unnest(w.items) as i $$,
    $$ values
        (timestamptz '2027-01-11 08:00+00', timestamptz '2027-01-11 08:30+00'),
        ('2027-01-11 09:00+00', '2027-01-11 09:30+00') $$,
    'preview_weekly_slots: the slots that would be published have a start and an end');
select results_eq(
    $$ select s.starts_at_local, s.reason
       from api.preview_weekly_slots('2027-01-11', '2027-01-13', '{1,3}', '09:00', '12:00', 30) as w
       cross join unnest(w.skipped) as s $$,
    $$ values
        (timestamp '2027-01-11 09:30', 'already_published'),
        ('2027-01-11 11:00', 'overlaps'),
        ('2027-01-11 11:30', 'overlaps'),
        ('2027-01-13 09:00', 'time_off'),
        ('2027-01-13 09:30', 'time_off') $$,
    'preview_weekly_slots: every start that would be skipped has its reason');
reset role;
select is(count(*), 2::bigint, 'preview_weekly_slots: a preview publishes nothing')
from app.availability_slots as s
where s.doctor_id = pg_temp.id_of('doctor') and s.status <> 'withdrawn';
select is(
    p.provolatile, 's', 'preview_weekly_slots: the function is stable, so that it cannot write')
from pg_proc as p where p.oid = 'api.preview_weekly_slots'::regproc;
set local role telemed_api;

-- The same answer as that of the publication
select pg_temp.sign_in('doctor');
create temp table arguments (n integer, arguments text) on commit drop;
insert into arguments values
(1, $$ '2027-01-11', '2027-01-20', '{1,3}', '09:00', '12:00', 30 $$),
(2, $$ '2026-12-28', '2027-01-06', '{1,2,3,4,5,6,7}', '00:00', '24:00', 60 $$),
(3, $$ '2027-03-27', '2027-03-29', '{6,7}', '22:30', '04:30', 50, 'America/New_York' $$),
(4, $$ '2027-03-28', '2027-03-28', '{7}', '00:30', '06:30', 180 $$),
(5, $$ '2027-10-31', '2027-10-31', '{7}', '00:00', '24:00', 45 $$);
create temp table outcome on commit drop as
select a.n, pg_temp.preview(a.arguments) as previewed, null::text as published from arguments as a;
update outcome set published = pg_temp.publication(a.arguments)
from arguments as a where a.n = outcome.n;
select is(o.previewed, o.published, format(
    'preview_weekly_slots: hours %s are published and skipped as the preview says', o.n))
from outcome as o order by o.n;
select isnt(
    pg_temp.preview($$ '2027-01-11', '2027-01-20', '{1,3}', '09:00', '12:00', 30 $$),
    (select o.previewed from outcome as o where o.n = 1),
    'preview_weekly_slots: a preview after the publication says that the slots exist');

-- Refusals
select is(
    pg_temp.refusal(v.actor, format('select api.preview_weekly_slots(%s)', v.arguments)),
    v.refusal, 'preview_weekly_slots: ' || v.sentence)
from (values
    ('doctor', $$ '2027-05-03', '2027-05-02', '{1}', '09:00', '10:00', 30 $$, 'TM202 to',
     'a last day before the first one is refused'),
    ('doctor', $$ '2027-05-03', '2027-05-10', '{1}', '09:00', '10:00', 30, 'Nowhere' $$,
     'TM204 time_zone', 'an unknown time zone is refused'),
    ('doctor', $$ '2028-01-01', '2028-12-15', '{6}', '00:00', '08:25', 5 $$, 'TM201 to',
     'more than 5000 new slots are refused'),
    ('doctor', $$ null, null, null, null, null, null $$, 'TM202 to', 'nulls are refused'),
    ('patient', $$ '2027-05-03', '2027-05-10', '{1}', '09:00', '10:00', 30 $$, 'TM301',
     'a patient is refused'),
    ('admin', $$ '2027-05-03', '2027-05-10', '{1}', '09:00', '10:00', 30 $$, 'TM301',
     'an admin is refused'),
    ('nobody', $$ 'infinity', '2027-05-10', '{1}', '09:00', '10:00', 30 $$, 'TM101',
     'a caller who is not logged in is refused before the arguments are checked')
) as v (actor, arguments, refusal, sentence);

select * from finish();
rollback;
