//! Bad input: each broken field is named, the status is right, and nothing is stored.

mod bodies;
mod fields;
mod queries;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::database::Database;
use tests::person::Answer;
use tests::{Person, Suite};

/// The apps that keep something.
const KEEPERS: [&str; 6] = ["identity", "tasks", "reminders", "notifications", "messaging", "audit"];

/// Who handles the events of a topic.
const READERS: [(&str, &[&str]); 2] =
    [("task-events", &["reminders", "audit"]), ("user-events", &["tasks", "notifications", "messaging", "audit"])];

/// Everything that is kept of a person, by table: how many rows, and a digest of what stands in them.
type Kept = BTreeMap<String, (i64, String)>;

/// Somebody with one task, and what was kept of them before the bad input came.
struct World {
    suite: Suite,
    person: Person,
    database: Database,
    /// Their task, due in some years.
    task: String,
    kept: Kept,
}

impl World {
    /// Signs somebody up, makes their task and waits until every app knows of both.
    async fn new() -> Result<Self> {
        let suite = Suite::shared().await?;
        let person = Person::signed_up(suite.clone()).await?;
        let task = json!({ "title": "a", "due_at": "2031-01-01T00:00:00Z", "tag_names": ["a"] });
        let task = person.create_task(&task).await?.id.to_string();
        let database = Database::of(&suite).await?;
        suite.settled(&[person.tenant_id]).await?;
        let mut world = Self { suite, person, database, task, kept: Kept::new() };
        world.kept = world.at_rest().await?;
        Ok(world)
    }

    /// What is kept once two looks in a row see the same: consumers have caught up.
    async fn at_rest(&self) -> Result<Kept> {
        let mut before = Kept::new();
        tests::eventually("nothing changes any more", std::time::Duration::from_secs(180), async || {
            let now = self.look().await?;
            let expected = KEEPERS.iter().filter(|app| self.suite.runs(app)).count();
            let all = now.iter().filter(|(table, (rows, _))| table.ends_with(".processed_events") && *rows > 0).count();
            // identity consumes nothing; each other app has heard of this person or of their task.
            let same = now == before && all + 1 >= expected && self.unheard().await? == 0;
            before.clone_from(&now);
            Ok(same.then_some(now))
        })
        .await
    }

    /// Events of theirs that an app which reads the topic has not handled yet.
    async fn unheard(&self) -> Result<i64> {
        let mut unheard = 0;
        for (topic, readers) in READERS {
            let runs = |app: &&str| self.suite.runs(app);
            for (source, reader) in KEEPERS.iter().flat_map(|source| readers.iter().map(move |reader| (source, reader))) {
                if !runs(source) || !runs(reader) {
                    continue;
                }
                let sql = format!(
                    "select count(*) from {source}.outbox_events e where topic = '{topic}' and payload -> 'metadata' ->> 'user_id' = $1
                     and not exists (select from {reader}.processed_events p where p.event_id = e.id)"
                );
                unheard += self.database.count(&sql, &[&self.person.user_id.to_string()]).await?;
            }
        }
        Ok(unheard)
    }

    async fn look(&self) -> Result<Kept> {
        let mut kept = Kept::new();
        for app in KEEPERS.into_iter().filter(|app| self.suite.runs(app)) {
            let columns = format!(
                "select coalesce(jsonb_agg(table_name order by table_name), '[]') from information_schema.columns \
                 where table_schema = '{app}' and column_name = 'user_id'"
            );
            for table in self.database.json(&columns, &[]).await?.as_array().cloned().unwrap_or_default() {
                let table = format!("{app}.{}", table.as_str().unwrap_or_default());
                let sql = format!(
                    "select jsonb_build_array(count(*), coalesce(md5(string_agg(t::text, ' ' order by t::text)), '')) \
                     from {table} t where user_id = $1"
                );
                let found = self.database.json(&sql, &[&self.person.user_id]).await.context("a table with user_id")?;
                kept.insert(table, (found[0].as_i64().unwrap_or(-1), found[1].as_str().unwrap_or_default().to_owned()));
            }
            // A row of the outbox changes when it leaves, and one of the inbox has no person: they are counted by the events.
            let mine = format!("payload -> 'metadata' ->> 'user_id' = '{}'", self.person.user_id);
            let events = format!("select count(*) from {app}.outbox_events where {mine}");
            kept.insert(format!("{app}.outbox_events"), (self.database.count(&events, &[]).await?, String::new()));
            let sources = KEEPERS.into_iter().filter(|app| self.suite.runs(app));
            let ids: Vec<String> = sources.map(|source| format!("select id from {source}.outbox_events where {mine}")).collect();
            let heard = format!("select count(*) from {app}.processed_events where event_id in ({})", ids.join(" union all "));
            kept.insert(format!("{app}.processed_events"), (self.database.count(&heard, &[]).await?, String::new()));
        }
        Ok(kept)
    }

    /// Fails when anything of the person was stored, changed or announced since the beginning.
    async fn nothing_changed(&self) -> Result<()> {
        let now = self.look().await?;
        let different: Vec<_> = now.iter().filter(|(table, kept)| self.kept.get(*table) != Some(kept)).collect();
        ensure!(different.is_empty(), "something was stored: {different:?}");
        self.suite.settled(&[self.person.tenant_id]).await
    }
}

/// A refusal as all refusals look, that names these fields and no other.
fn refuses(answer: &Answer, status: u16, code: &str, fields: &[&str]) -> Result<()> {
    let problem = answer.is(status)?.json();
    ensure!(answer.header("content-type") == "application/problem+json", "{:?}", answer.headers);
    ensure!(problem["code"] == code && problem["status"] == status, "{problem}");
    let (mut named, mut fields) = (answer.fields(), fields.to_vec());
    named.sort_unstable();
    fields.sort_unstable();
    ensure!(named == fields, "names {named:?}, not {fields:?}: {problem}");
    let silent =
        problem["errors"].as_array().into_iter().flatten().find(|error| error["message"].as_str().is_none_or(str::is_empty));
    ensure!(silent.is_none(), "{silent:?} says no rule");
    // Nothing of what is behind: no statement, no table, no file, no address.
    for word in ["select ", "insert ", "SQLSTATE", "constraint", ".rs:", "127.0.0.1", "panicked", "serde"] {
        ensure!(!answer.body.contains(word), "tells {word:?}: {problem}");
    }
    Ok(())
}

/// A text of so many characters.
fn long(characters: usize) -> Value {
    Value::String("ä".repeat(characters))
}
