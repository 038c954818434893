-- Adds a scope to whoever has this address; a repeat is harmless. 0 rows: nobody has it.
update users u
set scopes = case when i.scope = any (u.scopes) then u.scopes else u.scopes || i.scope end
from jsonb_to_record($1::jsonb) as i(email text, scope text)
where u.email = i.email
