-- Verify telemed:identity/secrets on pg

begin;

select name, value
from app.secrets where false;

rollback;
