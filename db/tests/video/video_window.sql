begin;
\ir ../helpers/actors.psql
select plan(4);
reset role;

select is(
    app.video_window('2027-01-05 09:00+00', '2027-01-05 09:30+00'),
    tstzrange('2027-01-05 08:45+00', '2027-01-05 10:00+00', '[)'),
    'video_window: a room opens 15 minutes before the start and closes 30 minutes after the end');
update app.clinic_settings set video_lead = '0', video_grace = '0';
select is(
    app.video_window('2027-01-05 09:00+00', '2027-01-05 09:30+00'),
    tstzrange('2027-01-05 09:00+00', '2027-01-05 09:30+00', '[)'),
    'video_window: without lead and grace a room is open during its consultation');
select throws_ok(
    format('update app.clinic_settings set %I = ''-1 second''', v.name), '23514', null, v.sentence)
from (values
    ('video_lead', 'clinic_settings: a negative lead of video rooms is rejected'),
    ('video_grace', 'clinic_settings: a negative grace of video rooms is rejected')
) as v (name, sentence);

select * from finish();
rollback;
