-- Verify telemed:identity/secrets on pg

begin;

select name, value
from app.secrets where false;

select 1 / count(*)
from app.secrets where name = 'invented_salt';

rollback;
