//! The command line, as a person types it: it finds the running suite, makes operators, migrates, and looks after dead letters; [`own`] is about
//! a person's own tasks.

mod own;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, Suite, broker, eventually};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use uuid::Uuid;

/// Three attempts 2 s apart, and the way of the letter.
const GIVEN_UP: Duration = Duration::from_secs(90);

/// What a command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn ended(&self, code: i32) -> Result<&Self> {
        ensure!(self.code == Some(code), "expected exit code {code}: {self:#?}");
        Ok(self)
    }

    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("{self:#?}"))
    }
}

/// Runs the `outrigger` that was built with the apps.
async fn outrigger(arguments: &[&str], env: &[(&str, &str)]) -> Result<Said> {
    outrigger_reads("", arguments, env).await
}

/// Runs it with something to read.
async fn outrigger_reads(input: &str, arguments: &[&str], env: &[(&str, &str)]) -> Result<Said> {
    let options = Suite::options("cli")?;
    let mut command = Command::new(options.bin_dir.join("outrigger"));
    for name in ["OUTRIGGER_URL", "OUTRIGGER_TOKEN", "OUTRIGGER_CLIENT_ID", "OUTRIGGER_CLIENT_SECRET"] {
        command.env_remove(name);
    }
    // Whoever runs the tests may be signed in themselves.
    command.env("XDG_CONFIG_HOME", options.run_dir.join("nobody")).args(arguments).envs(env.iter().copied());
    command.current_dir(&options.root).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("is outrigger built? `cargo build` does it")?;
    let mut stdin = child.stdin.take().context("its standard input")?;
    // One that reads nothing may have ended already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}

/// Somebody who signed up and holds client credentials.
struct Client {
    email: String,
    tenant_id: Uuid,
    url: String,
    id: String,
    secret: String,
}

impl Client {
    async fn sign_up(suite: &Suite) -> Result<Self> {
        let email = format!("ops.{}@example.com", Uuid::new_v4().simple());
        let body = json!({ "email": email, "display_name": "Grace", "password": "correct horse battery" });
        let account: Value = suite.person()?.post("/auth/signup", &body).await?.expect(201)?;
        let text = |field: &str| account[field].as_str().unwrap_or_default().to_owned();
        let tenant_id = text("tenant_id").parse()?;
        Ok(Self { email, tenant_id, url: suite.url(""), id: text("client_id"), secret: text("client_secret") })
    }

    fn env(&self) -> [(&str, &str); 3] {
        [("OUTRIGGER_URL", &self.url), ("OUTRIGGER_CLIENT_ID", &self.id), ("OUTRIGGER_CLIENT_SECRET", &self.secret)]
    }

    /// Themselves, with a token that identity gave.
    async fn person(&self, suite: &Suite) -> Result<Person> {
        let somebody = suite.person()?;
        let body = json!({ "grant_type": "client_credentials", "client_id": self.id, "client_secret": self.secret });
        let answer: Value = somebody.post("/auth/token", &body).await?.expect(200)?;
        Ok(Person { token: answer["access_token"].as_str().unwrap_or_default().to_owned(), ..somebody })
    }

    async fn dlq(&self, arguments: &[&str]) -> Result<Said> {
        outrigger(&[&["dlq"], arguments].concat(), &self.env()).await
    }
}

fn shown(path: &Path) -> Result<&str> {
    path.to_str().context("the run directory's name is text")
}

/// The apps of a small suite that a story breaks.
async fn small(name: &str, apps: &[&str]) -> Result<Suite> {
    let mut options = Suite::options(name)?;
    options.apps = Some(apps.iter().map(|app| (*app).to_owned()).collect());
    options.replicas.clear();
    options.zipkin = false;
    Suite::start(options).await
}

#[tokio::test]
async fn flow_a_person_becomes_an_operator_by_command_and_every_part_says_how_it_is() -> Result<()> {
    let suite = Suite::shared().await?;
    let run_dir = shown(suite.stack().run_dir())?;
    let client = Client::sign_up(&suite).await?;
    client.person(&suite).await?.get("/v1/admin/dlq").await?.is(403)?;
    let refused = client.dlq(&["list"]).await?;
    ensure!(refused.ended(1)?.err.contains("outrigger users grant"), "{refused:#?}");

    let grant = ["users", "grant", &client.email, "ops", "--run-dir", run_dir];
    for _ in 0..2 {
        let granted = outrigger(&grant, &[]).await?;
        ensure!(granted.ended(0)?.out.contains(&client.email), "{granted:#?}");
    }
    client.person(&suite).await?.get("/v1/admin/dlq").await?.is(200)?;
    client.dlq(&["list", "--json"]).await?.ended(0)?.json()?;
    let token = client.person(&suite).await?.token;
    let with_token = [("OUTRIGGER_URL", client.url.as_str()), ("OUTRIGGER_TOKEN", token.as_str())];
    outrigger(&["dlq", "list", "--state", "all"], &with_token).await?.ended(0)?;

    let nobody = outrigger(&["users", "grant", "nobody@example.com", "ops", "--run-dir", run_dir], &[]).await?;
    ensure!(nobody.ended(1)?.err.contains("nobody signed up with nobody@example.com"), "{nobody:#?}");
    let king = outrigger(&["users", "grant", &client.email, "king", "--run-dir", run_dir], &[]).await?;
    ensure!(king.ended(64)?.err.contains("scope must be ops"), "{king:#?}");
    let unsigned = outrigger(&["dlq", "list"], &[]).await?;
    ensure!(unsigned.ended(64)?.err.contains("OUTRIGGER_CLIENT_ID"), "{unsigned:#?}");
    outrigger(&["dlq", "replay"], &[]).await?.ended(64)?;
    outrigger(&["fly"], &[]).await?.ended(64)?;
    outrigger(&["--help"], &[]).await?.ended(0)?;

    let status = outrigger(&["status", "--json", "--run-dir", run_dir], &[]).await?;
    let parts = status.ended(0)?.json()?;
    let names: Vec<&str> = parts.as_array().into_iter().flatten().filter_map(|part| part["part"].as_str()).collect();
    let running = suite.stack().parts();
    ensure!(names == running.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), "{names:?}");
    let table = outrigger(&["status", "--run-dir", run_dir], &[]).await?;
    ensure!(table.ended(0)?.out.contains(&suite.url("")) && table.out.contains("identity-daprd"), "{table:#?}");
    Ok(())
}

/// All that a schema holds.
const CATALOGUE: &str = "select jsonb_build_object(
  'columns', (select jsonb_agg(to_jsonb(c) order by table_name, ordinal_position) from information_schema.columns c where table_schema = 'tasks'),
  'indexes', (select jsonb_agg(to_jsonb(i) order by indexname) from pg_indexes i where schemaname = 'tasks'),
  'constraints', (select jsonb_agg(jsonb_build_array(conrelid::regclass::text, conname, pg_get_constraintdef(oid)) order by conrelid::regclass::text, conname)
    from pg_constraint where connamespace = 'tasks'::regnamespace),
  'functions', (select jsonb_agg(pg_get_functiondef(oid) order by oid::regprocedure::text) from pg_proc where pronamespace = 'tasks'::regnamespace),
  'triggers', (select jsonb_agg(pg_get_triggerdef(t.oid) order by tgname) from pg_trigger t join pg_class c on c.oid = tgrelid
    where c.relnamespace = 'tasks'::regnamespace and not tgisinternal),
  'sequences', (select jsonb_agg(sequencename order by sequencename) from pg_sequences where schemaname = 'tasks'),
  'ledger', (select jsonb_agg(jsonb_build_array(version, name, checksum) order by version) from tasks.schema_migrations))";

#[tokio::test]
async fn flow_a_schema_taken_back_and_applied_again_is_the_same() -> Result<()> {
    let suite = small("migrate", &["identity", "tasks", "gateway"]).await?;
    let run_dir = shown(suite.stack().run_dir())?.to_owned();
    let migrate = async |arguments: &[&str]| outrigger(&[&["migrate"], arguments, &["--run-dir", &run_dir]].concat(), &[]).await;
    let database = Database::of(&suite).await?;
    let before = database.json(CATALOGUE, &[]).await?;
    ensure!(before["columns"].as_array().is_some_and(|columns| columns.len() > 20), "{before}");

    let all = migrate(&["status", "--json"]).await?.ended(0)?.json()?;
    let lines = || all.as_array().into_iter().flatten();
    ensure!(lines().any(|line| line["app"] == "identity") && lines().any(|line| line["app"] == "tasks"), "{all}");
    ensure!(lines().all(|line| line["applied_at"].is_string() && line["app"] != "gateway"), "{all}");
    ensure!(migrate(&["status", "tasks"]).await?.ended(0)?.out.contains("initial_schema"), "the table names the files");

    migrate(&["down"]).await?.ended(64)?;
    let wrong = migrate(&["down", "gateway"]).await?;
    ensure!(wrong.ended(64)?.err.contains("identity, tasks"), "{wrong:#?}");

    let versions = lines().filter(|line| line["app"] == "tasks").count();
    for left in (0..versions).rev() {
        let down = migrate(&["down", "tasks", "--json"]).await?.ended(0)?.json()?;
        let of = |field: &str| down.as_array().into_iter().flatten().filter(|line| line[field].is_string()).count();
        ensure!((of("applied_at"), of("change")) == (left, 1), "{down}");
    }
    let tables = "select count(*) from pg_tables where schemaname = 'tasks' and tablename <> 'schema_migrations'";
    ensure!(database.count(tables, &[]).await? == 0, "nothing is left but the ledger");
    ensure!(database.count("select count(*) from identity.users", &[]).await? == 0, "other apps keep theirs");
    let nothing = migrate(&["down", "tasks"]).await?;
    ensure!(nothing.ended(0)?.err.contains("nothing to do"), "{nothing:#?}");

    let up = migrate(&["up"]).await?;
    ensure!(up.ended(0)?.out.matches("applied now").count() == versions, "{up:#?}");
    let after = database.json(CATALOGUE, &[]).await?;
    ensure!(after == before, "before: {before:#}\nafter: {after:#}");
    let person = suite.person()?;
    person.create_task(&json!({ "title": "It works as before" })).await?;
    suite.settled(&[person.tenant_id]).await?;

    drop(person);
    suite.shutdown().await?;
    let gone = migrate(&["status"]).await?;
    ensure!(gone.ended(1)?.err.contains("nothing runs in"), "{gone:#?}");
    Ok(())
}

/// Audit cannot write down that a task was made, whatever it tries.
const POISON: &str = "create function audit.poison() returns trigger language plpgsql as
    $$ begin raise exception 'the ink is dry'; end $$;
  create trigger poison before insert on audit.audit_logs for each row when (new.action = 'task.created') execute function audit.poison()";

#[tokio::test]
async fn flow_a_poisoned_event_is_listed_with_its_reason_and_takes_effect_once_when_replayed() -> Result<()> {
    let suite = small("letters", &["identity", "tasks", "recurrence", "audit", "gateway"]).await?;
    let operator = Client::sign_up(&suite).await?;
    let run_dir = shown(suite.stack().run_dir())?.to_owned();
    outrigger(&["users", "grant", &operator.email, "ops", "--run-dir", &run_dir], &[]).await?.ended(0)?;
    let database = Database::of(&suite).await?;
    database.client().batch_execute(POISON).await?;

    let person = suite.person()?;
    let (wanted, unwanted) =
        (person.create_task(&json!({ "title": "a" })).await?, person.create_task(&json!({ "title": "b" })).await?);
    let letters = eventually("both events were given up", GIVEN_UP, async || {
        let list = operator.dlq(&["list", "--topic", "task-events", "--json"]).await?.ended(0)?.json()?;
        Ok(list.as_array().filter(|list| list.len() == 2).cloned())
    })
    .await?;
    let list = operator.dlq(&["list"]).await?;
    ensure!(list.ended(0)?.out.contains("the ink is dry") && list.out.contains("audit"), "{list:#?}");
    let mut of = Vec::new();
    for task in [&wanted, &unwanted] {
        for letter in &letters {
            let id = letter["id"].as_str().unwrap_or_default();
            let whole = operator.dlq(&["show", id]).await?;
            ensure!(whole.ended(0)?.out.contains("the ink is dry"), "{whole:#?}");
            if whole.out.contains(&task.id.to_string()) {
                of.push(id);
            }
        }
    }
    ensure!(of.len() == 2, "{letters:#?}");

    let still = operator.dlq(&["replay", of[0]]).await?;
    ensure!(still.ended(1)?.err.contains("audit answered"), "{still:#?}");
    operator.dlq(&["discard", of[1]]).await?.ended(0)?;
    let some = operator.dlq(&["replay", "--all"]).await?;
    ensure!(some.ended(1)?.err.contains("1 of 1"), "{some:#?}");

    database.client().batch_execute("drop function audit.poison() cascade").await?;
    operator.dlq(&["replay", "--all"]).await?.ended(0)?;
    // What was settled stays so: a repeat does nothing, and a discarded letter is not taken up again.
    operator.dlq(&["replay", of[0]]).await?.ended(0)?;
    operator.dlq(&["replay", of[1]]).await?.ended(1)?;
    let rows = "select count(*) from audit.audit_logs where action = 'task.created' and entity_id = $1";
    ensure!(database.count(rows, &[&wanted.id]).await? == 1, "it took effect once");
    ensure!(database.count(rows, &[&unwanted.id]).await? == 0, "the discarded one did not");
    let empty = operator.dlq(&["list", "--json"]).await?;
    ensure!(empty.ended(0)?.json()? == json!([]), "{empty:#?}");
    let replayed = operator.dlq(&["list", "--state", "replayed", "--json"]).await?.ended(0)?.json()?;
    ensure!(replayed[0]["id"] == of[0] && replayed[0]["settled_by"].is_string(), "{replayed:#}");

    what_recurrence_gave_up_comes_again_once_when_replayed(&suite, &operator, &person).await?;
    suite.settled(&[person.tenant_id, operator.tenant_id]).await?;
    drop(person);
    suite.shutdown().await
}

/// Nothing can be the second of its series, whatever recurrence tries.
const BARREN: &str = "create function tasks.barren() returns trigger language plpgsql as
    $$ begin raise exception 'nothing grows here'; end $$;
  create trigger barren before insert on tasks.tasks for each row when (new.occurrence > 1) execute function tasks.barren()";

async fn what_recurrence_gave_up_comes_again_once_when_replayed(suite: &Suite, operator: &Client, person: &Person) -> Result<()> {
    let database = Database::of(suite).await?;
    database.client().batch_execute(BARREN).await?;
    let daily = json!({ "title": "c", "due_at": "2031-03-03T09:00:00Z", "recurrence_pattern": { "pattern_type": "daily" } });
    let task = person.create_task(&daily).await?;
    person.complete(task.id).await?;
    let letter = eventually("the completion was given up", GIVEN_UP, async || {
        let list = operator.dlq(&["list", "--topic", "task-events", "--json"]).await?.ended(0)?.json()?;
        Ok(list.as_array().and_then(|list| list.first()).cloned())
    })
    .await?;
    let told = (&letter["app"], &letter["event_type"], &letter["attempts"]);
    ensure!(told == (&json!("recurrence"), &json!("task.completed"), &json!(3)), "{letter:#}");
    ensure!(letter["reason"].as_str().is_some_and(|reason| reason.starts_with("failed: ")), "{letter:#}");
    let event = "select payload from tasks.outbox_events where aggregate_id = $1 and event_type = 'task.completed'";
    let event = database.json(event, &[&task.id]).await?;
    let letters = broker::messages(suite, "task-events-dlq").await?;
    let on_topic: Vec<&Value> =
        letters.iter().map(|stood| &stood.message["data"]).filter(|said| said["event_id"] == event["event_id"]).collect();
    ensure!(on_topic.len() == 1, "{on_topic:#?}");
    ensure!(on_topic[0]["reason"] == letter["reason"] && on_topic[0]["original"]["data"] == event, "{on_topic:#?}");

    let id = letter["id"].as_str().context("id")?;
    let still = operator.dlq(&["replay", id]).await?;
    ensure!(still.ended(1)?.err.contains("recurrence answered"), "{still:#?}");
    database.client().batch_execute("drop function tasks.barren() cascade").await?;
    let successors = "select count(*) from tasks.tasks where series_id = $1 and occurrence > 1";
    ensure!(database.count(successors, &[&task.series_id]).await? == 0, "it comes again although nothing can");
    for _ in 0..2 {
        operator.dlq(&["replay", id]).await?.ended(0)?;
        ensure!(database.count(successors, &[&task.series_id]).await? == 1, "it came again once");
    }
    Ok(())
}

/// The fields that Dapr's CLI knows (docs/decisions/dapr-run.md), as far as they make sense here: those of one app, and those of all.
const OF_APP: [&str; 9] = [
    "appID",
    "appDirPath",
    "appPort",
    "command",
    "configFilePath",
    "resourcesPaths",
    "env",
    "daprdLogDestination",
    "appLogDestination",
];
const OF_ALL: [&str; 6] =
    ["resourcesPaths", "env", "daprdLogDestination", "appLogDestination", "apiListenAddresses", "maxBodySize"];

#[test]
fn contract_dapr_yaml_says_only_what_dapr_run_understands() -> Result<()> {
    let root = stack::find_root(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let file: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(root.join("dapr.yaml"))?)?;
    let only = |value: &Value, known: &[&str]| -> Result<()> {
        for name in value.as_object().context("a mapping")?.keys() {
            ensure!(known.contains(&name.as_str()), "dapr run would ignore {name} without a word");
        }
        Ok(())
    };
    only(&file, &["version", "common", "apps"])?;
    only(&file["common"], &OF_ALL)?;
    ensure!(file["version"] == 1 && file["common"]["apiListenAddresses"] == "127.0.0.1", "{file}");
    for folder in file["common"]["resourcesPaths"].as_array().context("component folders")? {
        ensure!(root.join(folder.as_str().unwrap_or_default()).is_dir(), "there is no folder {folder}");
    }
    let mut ports = std::collections::BTreeSet::new();
    for app in file["apps"].as_array().context("apps")? {
        only(app, &OF_APP)?;
        let id = app["appID"].as_str().context("each app has an appID")?;
        ensure!(app["appDirPath"] == ".", "{id}: every path is read from the repository's root");
        ensure!(app["configFilePath"] == format!(".run/config-{id}.yaml"), "{id}: the launcher renders its configuration there");
        ensure!(app["command"] == json!([format!("target/debug/{id}")]), "{id}: {}", app["command"]);
        ensure!(app["appPort"].as_u64().is_some_and(|port| ports.insert(port)), "{id}: its port is missing or another's");
    }
    Ok(())
}
