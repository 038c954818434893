//! What the tables say when everything has calmed down: what is still on its way, and what must never be there.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::database::Database;
use tests::{Suite, eventually, metrics};

use super::SOON;

/// Every event that left, of every app.
const EVENTS: &str = "
with events as (
  select id, topic, event_type, aggregate_id, payload, published_at, 'tasks' as app from tasks.outbox_events
  union all select id, topic, event_type, aggregate_id, payload, published_at, 'reminders' from reminders.outbox_events
  union all select id, topic, event_type, aggregate_id, payload, published_at, 'notifications' from notifications.outbox_events
  union all select id, topic, event_type, aggregate_id, payload, published_at, 'identity' from identity.outbox_events
)";

/// What has not arrived yet; every number must become 0.
const ON_ITS_WAY: &str = "
select jsonb_build_object(
  'events in an outbox', (select count(*) from events where published_at is null),
  'events without their audit row', (
    select count(*) from events e where topic <> 'task-updates' and not exists (select from audit.audit_logs a where a.event_id = e.id)),
  'tasks that reminders knows older or not at all', (
    select count(*) from tasks.tasks t left join reminders.task_schedule s on s.task_id = t.id where s.version is distinct from t.version),
  'people whose settings notifications lacks', (
    select count(*) from identity.users u where not exists (select from notifications.user_settings s where s.user_id = u.id)),
  'reminders whose time came unnoticed', (
    select count(*) from reminders.reminders where delivery_status = 'scheduled' and remind_at < now()),
  'reminders that fired and nobody was told', (
    select count(*) from events e
    where event_type = 'reminder.due' and not exists (select from notifications.deliveries d where d.reminder_id = e.aggregate_id)),
  'completed tasks that have not come again', (
    select count(*) from tasks.tasks t where status = 'completed' and occurrence = 1
      and not exists (select from tasks.tasks n where n.series_id = t.series_id and n.occurrence = 2)),
  'notifications not sent yet', (select count(*) from notifications.notifications where status = 'pending'),
  'reminders that do not know how they were delivered', (select count(*) from reminders.reminders where delivery_status = 'triggered'))";

/// What must not be there at all.
const WRONG: &str = "
select jsonb_build_object(
  'events with two audit rows', (
    select count(*) from (select event_id from audit.audit_logs group by event_id having count(*) > 1) twice),
  'audit rows of no event', (
    select count(*) from audit.audit_logs a where entity_type not in ('dead_letter', 'conversation') and not exists (select from events e where e.id = a.event_id)),
  'things whose history has a gap', (
    select count(*) from (
      select entity_id from audit.audit_logs where entity_type in ('task', 'reminder') and action <> 'task.recurred' group by entity_type, entity_id
      having count(*) <> max(sequence) or min(sequence) <> 1 or count(distinct sequence) <> count(*)) gaps),
  'tasks whose schedule differs in what is done', (
    select count(*) from tasks.tasks t join reminders.task_schedule s on s.task_id = t.id
    where (t.status = 'completed') <> (s.status = 'completed')),
  'tasks that came again twice or before their time', (
    select count(*) from tasks.tasks n join tasks.tasks t on t.series_id = n.series_id and t.occurrence = 1
    where n.occurrence > 1 and (t.status <> 'completed' or (
      select count(*) from events where event_type = 'task.recurred' and payload ->> 'completed_task_id' = t.id::text) <> 1)),
  'reminders that fired twice', (
    select count(*) from (select aggregate_id from events where event_type = 'reminder.due' group by 1 having count(*) > 1) twice),
  'reminders that were cancelled and fired', (
    select count(*) from events d join events c on c.aggregate_id = d.aggregate_id
    where d.event_type = 'reminder.due' and c.event_type = 'reminder.cancelled'),
  'people told twice on one channel', (
    select count(*) from (select 1 from notifications.notifications group by reminder_id, channel having count(*) > 1) twice),
  'people told too early', (
    select count(*) from notifications.notifications n join notifications.deliveries d using (reminder_id) where n.created_at < d.remind_at),
  'reminders with two outcomes', (
    select count(*) from (
      select aggregate_id from events where event_type in ('reminder.delivered', 'reminder.failed') group by 1 having count(*) > 1) twice),
  'open dead letters', (select count(*) from audit.dead_letters where state = 'open'))";

/// What has not arrived yet, by what it is; empty when all has.
pub async fn on_its_way(database: &Database) -> Result<Vec<String>> {
    others_than_zero(&database.json(&format!("{EVENTS}{ON_ITS_WAY}"), &[]).await?)
}

/// Fails with what must not be there.
pub async fn nothing_wrong(database: &Database) -> Result<()> {
    let wrong = others_than_zero(&database.json(&format!("{EVENTS}{WRONG}"), &[]).await?)?;
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

/// Waits until every app that has an outbox says that nothing is left in it.
pub async fn gauges_are_zero(suite: &Suite) -> Result<()> {
    for instance in suite.stack().instances() {
        let part = instance.part();
        eventually(&format!("outbox_pending_events of {part} is 0"), SOON, async || {
            let pending = metrics::at(suite, instance.app_port, "outbox_pending_events", &[]).await?;
            Ok((pending.context("the gauge is there")? == 0.0).then_some(()))
        })
        .await?;
    }
    Ok(())
}

fn others_than_zero(counts: &Value) -> Result<Vec<String>> {
    let counts = counts.as_object().context("one object of counts")?;
    Ok(counts.iter().filter(|(_, count)| **count != 0).map(|(what, count)| format!("{count} {what}")).collect())
}
