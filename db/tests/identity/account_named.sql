begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select is((app.account_named(v.name)).id, v.id, v.sentence)
from (values
    ('patient@clinic.test', pg_temp.id_of('patient'),
     'account_named: an account is found by its e-mail address'),
    ('PATIENT@Clinic.test', pg_temp.id_of('patient'),
     'account_named: the case of the e-mail address does not matter'),
    (pg_temp.id_of('patient')::text, pg_temp.id_of('patient'),
     'account_named: an account is found by its id'),
    (upper(pg_temp.id_of('patient')::text), pg_temp.id_of('patient'),
     'account_named: the case of the id does not matter'),
    ('unknown@clinic.test', null, 'account_named: an unknown e-mail address finds no account'),
    ('patient', null, 'account_named: a part of an e-mail address finds no account'),
    ('', null, 'account_named: an empty name finds no account'),
    (null, null, 'account_named: null finds no account')
) as v (name, id, sentence);

select * from finish();
rollback;
