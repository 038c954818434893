-- Rows still to be published.
select count(*)::text from outbox_events where published_at is null
