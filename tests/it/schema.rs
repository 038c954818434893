//! What the databases really are: the catalogue against the list of requirements, and what becomes of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contracts::task::Task;
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, eventually, story};
use uuid::Uuid;

/// Soon after a change, the other apps know.
const SOON: Duration = Duration::from_secs(60);

/// A table as it must be: its columns, its primary key, and what must hold for it.
struct Table {
    name: &'static str,
    columns: &'static str,
    key: &'static str,
    /// Words that a unique rule or index of the table must hold, spaces aside.
    unique: &'static [&'static str],
    /// A column with few values, and all of them.
    values: &'static [(&'static str, &'static [&'static str])],
    /// Words that an index of the table must hold.
    indexes: &'static [&'static str],
}

const TABLES: [Table; 8] = [
    Table {
        name: "identity.users",
        columns: "id tenant_id email display_name phone timezone notification_preferences created_at",
        key: "id",
        unique: &["(email)"],
        values: &[],
        indexes: &[],
    },
    Table {
        name: "tasks.tasks",
        columns: "id tenant_id user_id title description status priority due_at search_vector reminder_offset_minutes \
                  recurrence_pattern_id series_id occurrence recurrence_ended completed_at version created_at updated_at",
        key: "id",
        unique: &["(series_id, occurrence)"],
        values: &[("status", &["todo", "in_progress", "completed"]), ("priority", &["high", "medium", "low"])],
        indexes: &[
            "(user_id, status)",
            "(user_id, priority)",
            "(user_id, due_at)",
            "(user_id, created_at",
            "using gin (search_vector)",
        ],
    },
    Table {
        name: "tasks.recurrence_patterns",
        columns: "id tenant_id user_id pattern_type interval days_of_week day_of_month end_type end_after_occurrences end_by_date \
                  timezone stopped_at",
        key: "id",
        unique: &[],
        values: &[
            ("pattern_type", &["daily", "weekly", "monthly", "yearly"]),
            ("end_type", &["never", "after_occurrences", "by_date"]),
            ("days_of_week", &["MO", "TU", "WE", "TH", "FR", "SA", "SU"]),
        ],
        indexes: &[],
    },
    Table {
        name: "tasks.tags",
        columns: "id tenant_id user_id name created_at",
        key: "id",
        unique: &["(user_id, tasks.fold(name))"],
        values: &[],
        indexes: &[],
    },
    Table {
        name: "tasks.task_tags",
        columns: "task_id tag_id",
        key: "task_id, tag_id",
        unique: &[],
        values: &[],
        indexes: &["(tag_id)"],
    },
    Table {
        name: "reminders.reminders",
        columns: "id task_id user_id tenant_id remind_at offset_minutes delivery_status claimed_at attempts channel_results created_at",
        key: "id",
        unique: &["(task_id, offset_minutes) where (delivery_status = 'scheduled'"],
        values: &[
            ("delivery_status", &["scheduled", "triggered", "delivered", "failed", "cancelled", "expired"]),
            ("source", &["task", "person"]),
        ],
        indexes: &["(remind_at) where (delivery_status = 'scheduled'"],
    },
    Table {
        name: "audit.audit_logs",
        columns: "id event_id tenant_id user_id action entity_type entity_id before after correlation_id occurred_at recorded_at",
        key: "id",
        unique: &["(event_id)"],
        values: &[],
        indexes: &["(occurred_at", "(entity_type, entity_id", "(user_id, occurred_at"],
    },
    Table {
        name: "notifications.notifications",
        columns: "id user_id tenant_id reminder_id channel title body status attempts last_error read_at created_at",
        key: "id",
        unique: &["(reminder_id, channel)"],
        values: &[("channel", &["in_app", "email", "sms"]), ("status", &["pending", "sent", "failed"])],
        indexes: &[],
    },
];

/// All that PostgreSQL knows of one table.
const CATALOGUE: &str = "
select jsonb_build_object(
  'columns', (select jsonb_agg(attname) from pg_attribute where attrelid = $1::text::regclass and attnum > 0 and not attisdropped),
  'key', (
    select jsonb_agg(pg_get_constraintdef(oid)) from pg_constraint where conrelid = $1::text::regclass and contype = 'p'),
  'checks', (
    select coalesce(jsonb_agg(pg_get_constraintdef(oid)), '[]') from pg_constraint where conrelid = $1::text::regclass and contype = 'c'),
  'unique', (
    select jsonb_agg(pg_get_indexdef(indexrelid)) from pg_index where indrelid = $1::text::regclass and indisunique),
  'indexes', (select jsonb_agg(pg_get_indexdef(indexrelid)) from pg_index where indrelid = $1::text::regclass))";

/// The texts of a list, in lower case and without what PostgreSQL adds to them.
fn texts(list: &Value) -> Vec<String> {
    let plain = |text: &str| text.to_lowercase().replace("::text", "").replace('"', "");
    list.as_array().map(|list| list.iter().filter_map(Value::as_str).map(plain).collect()).unwrap_or_default()
}

#[tokio::test]
async fn contract_the_catalogue_of_each_schema_is_the_list() -> Result<()> {
    story(async |suite, _| {
        let database = Database::of(&suite).await?;
        for table in TABLES {
            let Table { name, .. } = table;
            let found = database.json(CATALOGUE, &[&name]).await?;
            let columns: BTreeSet<String> = texts(&found["columns"]).into_iter().collect();
            for column in table.columns.split_whitespace() {
                ensure!(columns.contains(column), "{name} has no {column}: {columns:?}");
            }
            ensure!(texts(&found["key"]) == [format!("primary key ({})", table.key)], "{name}: {}", found["key"]);
            for (list, wanted) in [("unique", table.unique), ("indexes", table.indexes)] {
                for words in wanted {
                    let there = texts(&found[list]).iter().any(|text| text.contains(words));
                    ensure!(there, "{name} has no {list} {words}: {}", found[list]);
                }
            }
            for (column, values) in table.values {
                let quoted = |text: &str| text.split('\'').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
                let wanted: BTreeSet<String> = values.iter().map(|value| value.to_lowercase()).collect();
                let checked = texts(&found["checks"]).iter().any(|check| check.contains(column) && quoted(check) == wanted);
                ensure!(checked, "{name}.{column} takes other values than {values:?}: {}", found["checks"]);
            }
        }
        Ok(())
    })
    .await
}

/// Each app's tables are its own: its role owns them and reaches no other's, its ledger is its own, and no key leads out of its schema.
#[tokio::test]
async fn contract_no_schema_reaches_into_another() -> Result<()> {
    story(async |suite, _| {
        let database = Database::of(&suite).await?;
        let foreign = "select count(*) from pg_constraint c join pg_class f on f.oid = c.conrelid join pg_class t on t.oid = c.confrelid
                       where c.contype = 'f' and f.relnamespace <> t.relnamespace";
        ensure!(database.count(foreign, &[]).await? == 0, "a foreign key leads into another schema");
        let schemas = ["identity", "tasks", "reminders", "notifications", "messaging", "audit"];
        for schema in schemas {
            let others = "select count(*) from pg_tables where schemaname = $1 and tableowner <> $1";
            ensure!(database.count(others, &[&schema]).await? == 0, "{schema} has tables of somebody else");
            let ledger = format!("select count(*) from {schema}.schema_migrations");
            ensure!(database.count(&ledger, &[]).await? >= 2, "the ledger of {schema}");
            for other in schemas.into_iter().filter(|other| *other != schema) {
                let reach = "select count(*) from pg_tables where schemaname = $2
                             and (has_schema_privilege($1, $2, 'usage') or has_table_privilege($1, schemaname || '.' || tablename, 'select'))";
                ensure!(database.count(reach, &[&schema, &other]).await? == 0, "the role of {schema} reaches {other}");
            }
        }
        Ok(())
    })
    .await
}

/// A task as its row says it.
async fn row(database: &Database, id: Uuid) -> Result<Value> {
    database.json("select to_jsonb(t) from tasks.tasks t where id = $1", &[&id]).await
}

#[tokio::test]
async fn contract_version_and_time_of_a_task_move_with_every_change_and_its_search_text_follows() -> Result<()> {
    story(async |suite, person| {
        let database = Database::of(&suite).await?;
        let generated = "select count(*) from pg_attribute where attrelid = 'tasks.tasks'::regclass and attname = 'search_vector' and attgenerated = 's'";
        ensure!(database.count(generated, &[]).await? == 1, "the search text is generated");
        let body = json!({ "title": "Paint the fence", "description": "green", "due_at": "2031-01-01T10:00:00Z", "priority": "low" });
        let made = person.create_task(&body).await?;
        let (path, mut before) = (format!("/tasks/{}", made.id), made.clone());
        ensure!(before.version == 1 && before.updated_at == before.created_at, "{before:?}");
        for change in [
            json!({ "title": "Paint the doors" }),
            json!({ "description": "blue" }),
            json!({ "status": "in_progress" }),
            json!({ "priority": "high" }),
            json!({ "due_at": "2031-02-01T10:00:00Z" }),
            json!({ "reminder_offset_minutes": 5 }),
            json!({ "tag_names": ["home"] }),
            json!({ "recurrence_pattern": { "pattern_type": "daily", "interval": 1, "end_type": "never" } }),
            json!({ "recurrence_pattern": null }),
            json!({ "status": "completed" }),
            json!({ "status": "todo" }),
        ] {
            let after: Task = person.patch(&path, &change).await?.expect(200)?;
            ensure!(after.version == before.version + 1 && after.updated_at > before.updated_at, "{change}: {before:?} {after:?}");
            let read: Task = person.get(&path).await?.expect(200)?;
            ensure!(read == after, "{change}: {read:?} {after:?}");
            same(&database, &after).await.with_context(|| change.to_string())?;
            before = after;
        }
        let finds = async |word: &str| {
            let sql = "select count(*) from tasks.tasks where id = $1 and search_vector @@ to_tsquery('english', $2)";
            database.count(sql, &[&made.id, &word]).await
        };
        for (word, found) in [("door", 1), ("blue", 1), ("fence", 0), ("green", 0)] {
            ensure!(finds(word).await? == found, "{word}");
        }
        let completed = person.complete(made.id).await?;
        same(&database, &completed).await?;
        person.delete(&path).await?.is(204)?;
        let deleted = row(&database, made.id).await?;
        ensure!(deleted["version"] == completed.version + 1 && !deleted["deleted_at"].is_null(), "{deleted}");
        let restored: Task = person.post(&format!("{path}/restore"), &json!({})).await?.expect(200)?;
        ensure!(restored.version == completed.version + 2 && restored.updated_at > completed.updated_at, "{restored:?}");
        same(&database, &restored).await
    })
    .await
}

/// What the API says of a task is what its row holds.
async fn same(database: &Database, task: &Task) -> Result<()> {
    let (row, said) = (row(database, task.id).await?, serde_json::to_value(task)?);
    for field in ["title", "description", "status", "priority", "reminder_offset_minutes", "version", "series_id", "occurrence"] {
        ensure!(row[field] == said[field], "{field}: {} in the table, {} in the API", row[field], said[field]);
    }
    for field in ["due_at", "completed_at", "created_at", "updated_at"] {
        let instant = |value: &Value| value.as_str().and_then(|text| text.parse::<chrono::DateTime<chrono::Utc>>().ok());
        ensure!(
            instant(&row[field]) == instant(&said[field]),
            "{field}: {} in the table, {} in the API",
            row[field],
            said[field]
        );
    }
    Ok(())
}

/// Deleted, a task can be restored for a month, so what belongs to it is put aside: its tags are free, its reminders cancelled. The month
/// over, all of it is gone, but for the log.
#[tokio::test]
async fn flow_a_deleted_task_frees_its_tags_and_cancels_its_reminders_and_the_log_stays() -> Result<()> {
    story(async |suite, person| {
        let body = json!({
            "title": "Weekly report", "due_at": "2031-01-06T10:00:00Z", "reminder_offset_minutes": 30, "tag_names": ["work", "weekly"],
            "recurrence_pattern": { "pattern_type": "weekly", "interval": 1, "days_of_week": ["MO"], "end_type": "never" },
        });
        let task = person.create_task(&body).await?;
        let path = format!("/tasks/{}", task.id);
        let reminders = format!("{path}/reminders");
        person.post(&reminders, &json!({ "offset_minutes": 60 })).await?.is(201)?;
        wait_for_reminders(&person, &reminders).await?;
        let database = Database::of(&suite).await?;
        stored(&database, &task).await?;

        person.delete(&path).await?.is(204)?;
        let tags = person.get("/tags").await?.is(200)?.json();
        let used: Vec<&Value> = tags.as_array().into_iter().flatten().map(|tag| &tag["usage_count"]).collect();
        ensure!(used == [&json!(0), &json!(0)], "{tags}");
        let states = "select coalesce(jsonb_object_agg(offset_minutes, delivery_status || ' ' || coalesce(cancel_reason, '')), '{}')
                      from reminders.reminders where task_id = $1";
        eventually("its reminders are cancelled", SOON, async || {
            let states: BTreeMap<String, String> = serde_json::from_value(database.json(states, &[&task.id]).await?)?;
            let all = states.len() == 2 && states.values().all(|state| state.starts_with("cancelled "));
            ensure!(all, "{states:?}");
            Ok(Some(()))
        })
        .await?;
        let actions = "select coalesce(jsonb_agg(action order by action), '[]') from audit.audit_logs
                       where entity_id = $1 or after ->> 'task_id' = $1::text";
        let told = [
            "reminder.cancelled",
            "reminder.cancelled",
            "reminder.scheduled",
            "reminder.scheduled",
            "task.created",
            "task.deleted",
        ];
        eventually("the log tells it all", SOON, async || {
            let actions = database.json(actions, &[&task.id]).await?;
            ensure!(actions == json!(told), "{actions}");
            Ok(Some(()))
        })
        .await?;

        // A month later. The clock of the purge is an hour's; the administrator runs its statement as it is shipped.
        database.client().execute("update tasks.tasks set deleted_at = now() - interval '31 days' where id = $1", &[&task.id]).await?;
        let purge = std::fs::read_to_string(crate::workspace::root()?.join("apps/tasks/src/store/purge.sql"))?;
        database.client().batch_execute(&format!("set search_path = tasks; {purge}; reset search_path")).await?;
        let left = "select (select count(*) from tasks.tasks where id = $1) + (select count(*) from tasks.task_tags where task_id = $1)";
        ensure!(database.count(left, &[&task.id]).await? == 0, "the task or its tag links are still there");
        ensure!(database.json(actions, &[&task.id]).await? == json!(told), "the log stays");
        Ok(())
    })
    .await
}

async fn wait_for_reminders(person: &Person, path: &str) -> Result<()> {
    eventually("both reminders are set", SOON, async || {
        let list = person.get(path).await?.is(200)?.json();
        let set = list.as_array().into_iter().flatten().filter(|reminder| reminder["delivery_status"] == "scheduled").count();
        Ok((set == 2).then_some(()))
    })
    .await
}

/// Everything that was asked for has its row.
async fn stored(database: &Database, task: &Task) -> Result<()> {
    let sql = "select jsonb_build_object(
          'tags', (select count(*) from tasks.task_tags where task_id = $1),
          'pattern', (select p.pattern_type || ' ' || array_to_string(p.days_of_week, ',') || ' ' || p.end_type
                      from tasks.tasks t join tasks.recurrence_patterns p on p.id = t.recurrence_pattern_id where t.id = $1),
          'reminders', (select jsonb_agg(offset_minutes order by offset_minutes) from reminders.reminders
                        where task_id = $1 and remind_at = due_at - make_interval(mins => offset_minutes)))";
    let found = database.json(sql, &[&task.id]).await?;
    ensure!(found == json!({ "tags": 2, "pattern": "weekly MO never", "reminders": [30, 60] }), "{found}");
    Ok(())
}
