-- What was deleted over 30 days ago is gone for good; in bounded bites.
delete from tasks where id in (select id from tasks where deleted_at < now() - interval '30 days' limit 1000)
