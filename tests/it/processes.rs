//! The processes of a running suite as the machine sees them: who is connected to the database, what stands in their environments, and
//! what they tell whoever looks in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::database::Database;
use tests::socket::Socket;
use tests::{Person, Suite, eventually, metrics, story};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::workspace::root;

/// Spans are sent in the background.
const SOON: Duration = Duration::from_secs(60);
/// The longest wait for a moment in which no other story opens or closes a connection.
const A_QUIET_MOMENT: Duration = Duration::from_secs(180);
/// Longer than Zipkin keeps a connection by itself.
const KEPT: Duration = Duration::from_secs(20);
/// How long sidecars keep one: so Go's client does.
const KEPT_BY_SIDECARS_MS: u64 = 90_000;
/// The roles of the apps' schemas; that of the state store is every sidecar's.
const ROLES: [&str; 7] = ["identity", "tasks", "reminders", "notifications", "messaging", "audit", "state"];
/// Values of secrets that say where something is and not how to get in.
const OPEN_KEYS: [&str; 7] = ["host", "port", "user", "from", "url", "brokers", "public-key"];

/// The process of a part, as its supervisor wrote it down.
fn process(suite: &Suite, part: &str) -> Result<u32> {
    let text = std::fs::read_to_string(suite.stack().run_dir().join("pids").join(part)).with_context(|| part.to_owned())?;
    Ok(text.lines().next().unwrap_or_default().parse()?)
}

/// The process and every one below it: what starts a part may stand above it.
fn family(root: u32) -> Result<Vec<u32>> {
    let mut parents = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Ok(pid) = name.parse::<u32>() else { continue };
        // A process may end while we look.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.insert(pid, parent.unwrap_or_default());
    }
    let mut family = vec![root];
    let mut at = 0;
    while let Some(&pid) = family.get(at) {
        family.extend(parents.iter().filter(|(_, parent)| **parent == pid).map(|(child, _)| *child));
        at += 1;
    }
    Ok(family)
}

/// The local ports of a process's connections to a port: the same one may lead to several.
fn ports(pid: u32, to: u16) -> Result<BTreeSet<u16>> {
    let mut sockets = BTreeSet::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
        let target = std::fs::read_link(entry?.path()).unwrap_or_default();
        let target = target.to_string_lossy().into_owned();
        sockets.extend(target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned));
    }
    let mut ports = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        for line in std::fs::read_to_string(format!("/proc/{pid}/net/{table}"))?.lines().skip(1) {
            // Here and there as address and port in hexadecimal, and the socket's number (proc(5), /proc/net/tcp).
            let fields: Vec<&str> = line.split_whitespace().collect();
            let port = |field: usize| u16::from_str_radix(fields.get(field)?.rsplit(':').next()?, 16).ok();
            if port(2) == Some(to) && fields.get(9).is_some_and(|number| sockets.contains(*number)) {
                ports.extend(port(1));
            }
        }
    }
    Ok(ports)
}

#[tokio::test]
async fn contract_only_sidecars_are_connected_to_the_database_each_by_the_role_of_its_app() -> Result<()> {
    story(async |suite, person| {
        person.create_task(&json!({ "title": "somebody is connected" })).await?;
        let database = Database::of(&suite).await?;
        let to = suite.stack().postgres_url().rsplit([':', '/']).nth(1).context("PostgreSQL's port")?.parse()?;
        // Pools open and close connections at any time: the list and the processes must fit at one moment.
        let checked = eventually("every connection is a sidecar's", A_QUIET_MOMENT, async || {
            let sql = "select jsonb_agg(jsonb_build_array(usename, client_port)) from pg_stat_activity
                       where backend_type = 'client backend' and client_port > 0";
            let connections: Vec<(String, u16)> = serde_json::from_value(database.json(sql, &[]).await?)?;
            let mut owners = BTreeMap::new();
            for instance in suite.stack().instances() {
                for (part, of) in [(instance.part(), "app"), (instance.daprd_part(), "sidecar")] {
                    for pid in family(process(&suite, &part)?)? {
                        owners.extend(ports(pid, to)?.into_iter().map(|port| (port, (instance.app.clone(), of))));
                    }
                }
            }
            let own = ports(std::process::id(), to)?;
            let mut roles = BTreeSet::new();
            for (role, port) in connections {
                // The administrator is this test.
                if role == "postgres" {
                    ensure!(own.contains(&port), "an administrator at port {port} is not this test");
                    continue;
                }
                let (app, of) = owners.get(&port).with_context(|| format!("nobody is {role} at port {port}"))?;
                ensure!(*of == "sidecar", "{app} itself is connected to the database as {role}");
                ensure!(ROLES.contains(&role.as_str()) && (role == "state" || role == *app), "the sidecar of {app} is {role}");
                roles.insert(role);
            }
            Ok(Some(roles))
        })
        .await?;
        ensure!(checked.contains("tasks") && checked.contains("state"), "{checked:?}");
        Ok(())
    })
    .await
}

/// What of a secret is nobody's business: the password of a connection string, a line of a key.
fn hidden_part(value: &str) -> &str {
    let password = value.split_once("://").and_then(|(_, rest)| rest.split_once('@')?.0.split_once(':'));
    match password {
        Some((_, password)) => password,
        None => value.lines().find(|line| !line.starts_with("-----")).unwrap_or(value),
    }
}

#[tokio::test]
async fn contract_no_process_shows_a_secret_in_its_environment_or_on_its_command_line() -> Result<()> {
    story(async |suite, _| {
        let mut secrets = BTreeSet::new();
        for (name, keys) in suite.stack().secrets() {
            for (key, value) in keys.iter().filter(|(key, value)| !OPEN_KEYS.contains(&key.as_str()) && !value.is_empty()) {
                let secret = hidden_part(value);
                ensure!(secret.len() >= 32, "{name}.{key} is no secret: {secret}");
                secrets.insert((format!("{name}.{key}"), secret.to_owned()));
            }
        }
        ensure!(secrets.len() > 15, "{} secrets", secrets.len());
        for instance in suite.stack().instances() {
            for part in [instance.part(), instance.daprd_part()] {
                for pid in family(process(&suite, &part)?)? {
                    for file in ["environ", "cmdline"] {
                        let text = std::fs::read(format!("/proc/{pid}/{file}"))?;
                        let text = String::from_utf8_lossy(&text);
                        ensure!(!text.is_empty(), "{file} of {part} can be read");
                        let shown = secrets.iter().find(|(_, value)| text.contains(value));
                        ensure!(shown.is_none(), "the {file} of {part} shows {}", shown.map_or("", |(name, _)| name));
                    }
                }
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_each_sidecar_reports_its_spans_and_can_be_scraped() -> Result<()> {
    story(async |suite, _| {
        // Something for each app to do.
        let person = person_who_does_everything(&suite).await?;
        let zipkin = suite.stack().zipkin_url().context("Zipkin is on")?;
        let apps: BTreeSet<&str> = suite.stack().instances().iter().map(|instance| instance.app.as_str()).collect();
        eventually("every app has spans", SOON, async || {
            let services: Vec<String> = suite.client().get(format!("{zipkin}/api/v2/services")).send().await?.json().await?;
            let missing: Vec<_> = apps.iter().filter(|app| !services.iter().any(|service| service == *app)).collect();
            ensure!(missing.is_empty(), "none of {missing:?}");
            Ok(Some(()))
        })
        .await?;
        // A span that only a sidecar makes.
        eventually("the gateway's sidecar has spans", SOON, async || {
            let url = format!("{zipkin}/api/v2/spans?serviceName=gateway");
            let names: Vec<String> = suite.client().get(url).send().await?.json().await?;
            ensure!(names.iter().any(|name| name.contains("calllocal") || name.starts_with('/')), "{names:?}");
            Ok(Some(()))
        })
        .await?;
        for instance in suite.stack().instances() {
            let count =
                metrics::at(&suite, instance.metrics_port, "dapr_runtime_component_loaded", &[("app_id", &instance.app)]).await?;
            ensure!(count.is_some_and(|count| count > 0.0), "the sidecar of {} counts {count:?}", instance.part());
            let config = suite.stack().run_dir().join(format!("config-{}.yaml", instance.app));
            traced(&config)?;
        }
        suite.settled(&[person.tenant_id]).await
    })
    .await
}

/// Sidecars send their spans over a connection that they keep; spans sent while Zipkin ends it are lost. Seen with its own 15 s: 11 of 400 reports.
#[tokio::test]
async fn contract_zipkin_keeps_a_connection_longer_than_those_who_report() -> Result<()> {
    let zipkin = Suite::shared().await?.stack().zipkin_url().context("Zipkin is on")?;
    let mut connection = TcpStream::connect(zipkin.trim_start_matches("http://")).await?;
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let mut heard = [0; 4096];
    ensure!(connection.read(&mut heard).await? > 0, "no answer");
    // The rest of the answer, and then nothing, not even the end.
    let ended = timeout(KEPT, async {
        while connection.read(&mut heard).await? > 0 {}
        Ok::<_, anyhow::Error>(())
    })
    .await;
    ensure!(ended.is_err(), "the connection ended: {ended:?}");
    for file in ["crates/stack/src/parts/zipkin.rs", "monitoring/zipkin/zipkin.yaml", "docker-compose.yml"] {
        let text = std::fs::read_to_string(root()?.join(file))?;
        let said = text.split_once("defaultServerIdleTimeoutMillis=").with_context(|| file.to_owned())?.1;
        let digits: String = said.chars().take_while(char::is_ascii_digit).collect();
        ensure!(digits.parse::<u64>()? > KEPT_BY_SIDECARS_MS, "{file}: {digits} ms");
    }
    Ok(())
}

/// Somebody who signed up, looks at a page, holds a socket and is to be reminded of a task.
async fn person_who_does_everything(suite: &Suite) -> Result<Person> {
    let person = Person::signed_up(suite.clone()).await?;
    suite.client().get(suite.url("/app/sign-in")).send().await?.error_for_status()?;
    let mut socket = Socket::open(&person).await?;
    person.create_task(&json!({ "title": "traced", "due_at": "2031-01-01T10:00:00Z", "reminder_offset_minutes": 5 })).await?;
    socket.next(SOON, |frame| frame["change"] == "created").await?;
    Ok(person)
}

/// The sidecar's configuration asks for every trace and for metrics.
fn traced(config: &Path) -> Result<()> {
    let config: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(config).with_context(|| config.display().to_string())?)?;
    ensure!(config["kind"] == "Configuration" && config["spec"]["metrics"]["enabled"] == true, "{config}");
    let tracing = &config["spec"]["tracing"];
    let endpoint = tracing["zipkin"]["endpointAddress"].as_str().unwrap_or_default();
    ensure!(tracing["samplingRate"] == "1" && endpoint.ends_with("/api/v2/spans"), "{tracing}");
    Ok(())
}
