begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(13);

insert into broken (sentence, report, sql, triggers, traces)
select v.sentence, format(v.report, v.id), format(v.sql, v.id), v.triggers, v.traces
from (values
    ('a user without a profile is reported', 'every_user_is_complete 1 {%s}',
     pg_temp.id_of('admin')::text, 'delete from app.profiles where user_id = %L', false, false),
    ('a doctor without a practice is reported', 'every_user_is_complete 1 {%s}',
     pg_temp.id_of('other_doctor')::text, 'delete from app.doctors where user_id = %L',
     false, false),
    ('a doctor with another name than in the profile is reported',
     'doctors_have_the_name_and_the_state_of_their_account 1 {%s}',
     pg_temp.id_of('doctor')::text,
     'update app.doctors set full_name = ''Somebody Else'' where user_id = %L', false, true),
    ('a doctor who is shown although the account is deactivated is reported',
     'doctors_have_the_name_and_the_state_of_their_account 1 {%s}',
     pg_temp.id_of('other_doctor')::text,
     'update app.users set deactivated_at = now() where id = %L', false, true),
    ('a doctor with the code of another specialty is reported',
     'doctors_are_found_by_their_own_words 1 {%s}', pg_temp.id_of('doctor')::text,
     'update app.doctors set specialty_code = ''dermatology'' where user_id = %L', false, false),
    ('a doctor whom a search finds by other words is reported',
     'doctors_are_found_by_their_own_words 1 {%s}', pg_temp.id_of('doctor')::text,
     'update app.doctors set search_text = ''somebody else'' where user_id = %L', false, false),
    ('an address that is verified without a token is reported',
     'verified_addresses_have_a_used_token 1 {%s}', pg_temp.id_of('patient')::text,
     'update app.users set email_verified_at = now() where id = %L', false, false),
    ('a session with two unspent refresh tokens is reported',
     'a_session_has_at_most_one_unspent_refresh_token 1 {%s}', :'session',
     $$ drop index app.refresh_tokens_one_unspent_per_session;
        alter table app.refresh_tokens disable trigger refresh_tokens_are_spent_once;
        update app.refresh_tokens set spent_at = null $$, true, false),
    ('recovery codes of a user without a second factor are reported',
     'what_rests_on_a_second_factor_has_one 1 {%s}', pg_temp.id_of('other_patient')::text,
     'select app.issue_recovery_codes(%L)', true, false),
    ('spent recovery codes of a user without a second factor are not reported', 'nothing',
     pg_temp.id_of('other_patient')::text,
     $$ select app.issue_recovery_codes(%L);
        update app.recovery_codes set spent_at = app.clock() $$, false, false),
    ('a session with a second factor of a user without one is reported',
     format('what_rests_on_a_second_factor_has_one 1 {%s}', pg_temp.id_of('patient')), :'session',
     'update app.sessions set second_factor_at = app.clock() where id = %L', true, false))
    as v (sentence, report, id, sql, triggers, traces);
-- A row that is older than the unique index
insert into broken (sentence, report, sql)
select 'two accounts with one e-mail address are reported',
    format('no_two_accounts_have_one_email 2 {%s,%s}', least(v.id, v.other), greatest(v.id, v.other)),
    format($$
        drop index app.users_email_is_unique_regardless_of_case;
        update app.users set email = 'Other_Patient@clinic.test' where id = %L $$, v.id)
from (values (pg_temp.id_of('patient'), pg_temp.id_of('other_patient'))) as v (id, other);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.identity_invariants') $$,
    'every invariant of identity is broken by a case');

select * from finish();
rollback;
