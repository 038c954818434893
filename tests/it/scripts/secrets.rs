//! Secrets of a laptop and of a cloud: made once, kept, rotated when that is asked, and seen by nobody.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tests::recorder::said;

use super::Clone;
use crate::cluster::rendered;

/// What stays when all else is rotated: addresses, and the password of the database's owner, which the data was made with.
const FIXED: [&str; 5] =
    ["outrigger-postgres/password", "outrigger-redis/host", "outrigger-smtp/", "outrigger-sms/", "outrigger-kafka/"];

/// Each value under "secret/key".
fn values(clone: &Clone) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (secret, text) in clone.below("cluster/secrets")? {
        for pair in text.split_whitespace() {
            let (key, value) = pair.split_once('=').context("a pair")?;
            values.insert(format!("{secret}/{key}"), String::from_utf8(STANDARD.decode(value)?)?);
        }
    }
    Ok(values)
}

/// Those at random, which nobody may see.
fn random(values: &BTreeMap<String, String>) -> BTreeMap<&String, &String> {
    values.iter().filter(|(key, _)| *key == FIXED[0] || !FIXED.iter().any(|fixed| key.starts_with(fixed))).collect()
}

/// Tried: what exists made anew, `--rotate` that keeps, `--rotate` without the owner's exception, one password for all roles.
#[test]
fn contract_local_secrets_are_random_and_kept_until_they_are_rotated() -> Result<()> {
    let clone = Clone::new()?;
    let says = clone.well("create-local-secrets", &[])?;
    let first = values(&clone)?;
    ensure!(first.len() > 40 && says.contains("values made"), "{says} {:?}", first.keys());
    ensure!(!random(&first).values().any(|value| value.len() < 40 || clone.scratch.log().is_ok_and(|log| log.contains(*value))));
    // What identity knows of an app is what the app has; nothing else is there twice.
    for (key, value) in random(&first) {
        let twice: Vec<&String> = first.iter().filter(|(_, other)| *other == value).map(|(key, _)| key).collect();
        let pair = key.contains("outrigger-client");
        ensure!(twice.len() == if pair { 2 } else { 1 }, "{twice:?}");
    }
    for role in ["identity", "tasks", "reminders", "notifications", "messaging", "audit", "state"] {
        let password = &first[&format!("outrigger-db-{role}/password")];
        ensure!(first[&format!("outrigger-db-{role}/url")].contains(&format!("{role}:{password}@postgres:5432")), "{role}");
    }

    let says = clone.well("create-local-secrets", &[])?;
    ensure!(values(&clone)? == first && says.contains("all kept"), "{says}");
    std::fs::remove_file(clone.scratch.path("cluster/secrets/tasks-token"))?;
    let says = clone.well("create-local-secrets", &[])?;
    let mended = values(&clone)?;
    let differ: Vec<&String> = first.keys().filter(|key| mended.get(*key) != first.get(*key)).collect();
    ensure!(differ == ["tasks-token/token"] && says.contains("1 values made"), "{differ:?} {says}");

    clone.well("create-local-secrets", &["--rotate"])?;
    let rotated = values(&clone)?;
    for (key, value) in &mended {
        let fixed = FIXED.iter().any(|fixed| key.starts_with(fixed));
        ensure!((rotated.get(key) == Some(value)) == fixed, "{key} is {}", if fixed { "another" } else { "the same" });
    }
    Ok(())
}

/// A cluster that does not say what it has is not taken for an empty one, whose database would then be given new passwords.
/// Tried: the failure of the list ignored, and that of what is sent.
#[test]
fn contract_no_secret_is_made_for_a_cluster_that_does_not_say_which_it_has() -> Result<()> {
    let mut clone = Clone::new()?;
    clone.well("create-local-secrets", &[])?;
    let before = values(&clone)?;
    clone.set("FAILS", "*get secrets*");
    clone.refuses("create-local-secrets", &[], "does not say which secrets it has; nothing was changed")?;
    clone.set("FAILS", "*apply*--force-conflicts*");
    clone.refuses("create-local-secrets", &["--rotate"], "the cluster says no")?;
    ensure!(values(&clone)? == before);
    Ok(())
}

/// Tried: the password made anew by the second run, another image without `--image`, no wait.
#[test]
fn contract_redis_is_installed_with_a_password_of_its_own_that_is_kept() -> Result<()> {
    let clone = Clone::new()?;
    let says = clone.well("deploy-redis", &[])?;
    let first = values(&clone)?;
    ensure!(first.keys().eq(["outrigger-redis/host", "outrigger-redis/password"]), "{first:#?}");
    let password = &first["outrigger-redis/password"];
    ensure!(first["outrigger-redis/host"] == "redis:6379" && password.len() > 40, "{first:#?}");
    let applied = &clone.cluster()?["applied"];
    ensure!(applied.contains("resources: [../../k8s/redis]\n") && !applied.contains("images:"), "{applied}");
    let log = clone.calls()?;
    ensure!(log.iter().any(|call| call.starts_with("kubectl rollout status statefulset/redis")), "{log:#?}");
    ensure!(!says.contains(password) && !log.iter().any(|call| call.contains(password)), "it is seen");

    clone.well("deploy-redis", &["--image", "registry.example/redis:7"])?;
    ensure!(values(&clone)? == first, "another password");
    let applied = &clone.cluster()?["applied"];
    ensure!(applied.contains("{ name: redis, newName: registry.example/redis, newTag: '7' }"), "{applied}");
    Ok(())
}

/// What a cloud is asked for, each with a value that can be found again. A certificate has lines.
fn asked() -> BTreeMap<&'static str, String> {
    let names = "DATABASE_HOST REDIS_HOST REDIS_PASSWORD KAFKA_BROKERS KAFKA_USER KAFKA_PASSWORD KAFKA_CA SMTP_HOST SMTP_PORT SMTP_USER \
                 SMTP_PASSWORD SMTP_FROM SMS_ACCOUNT SMS_TOKEN SMS_FROM DATABASE_PASSWORD_IDENTITY DATABASE_PASSWORD_TASKS \
                 DATABASE_PASSWORD_REMINDERS DATABASE_PASSWORD_NOTIFICATIONS DATABASE_PASSWORD_MESSAGING DATABASE_PASSWORD_AUDIT DATABASE_PASSWORD_STATE";
    let value = |name: &str| match name {
        "KAFKA_CA" => "-----BEGIN CERTIFICATE-----\ncanary-KAFKA_CA\n-----END CERTIFICATE-----".to_owned(),
        _ => format!("canary-{name}"),
    };
    names.split_whitespace().map(|name| (name, value(name))).collect()
}

/// Whether the cluster has them all.
fn arrived(clone: &Clone) -> Result<()> {
    let values = values(clone)?;
    for (name, value) in asked() {
        ensure!(values.values().any(|kept| kept.contains(&value)), "{name} did not arrive: {values:#?}");
    }
    ensure!(values["outrigger-kafka/ca"] == asked()["KAFKA_CA"], "{}", values["outrigger-kafka/ca"]);
    let url = "postgres://tasks:canary-DATABASE_PASSWORD_TASKS@canary-DATABASE_HOST/outrigger?sslmode=verify-full";
    ensure!(values["outrigger-db-tasks/url"] == url, "{}", values["outrigger-db-tasks/url"]);
    Ok(())
}

/// Where the sidecar of each app finds it, an address says that it is to be looked for. Tried: another path in the template of the apps.
#[test]
fn contract_a_database_that_nobody_knows_is_known_by_the_authority_that_was_given() -> Result<()> {
    let mut clone = Clone::new()?;
    for (name, value) in asked() {
        clone.set(name, value);
    }
    let pem = "-----BEGIN CERTIFICATE-----\ncanary-DATABASE_CA\n-----END CERTIFICATE-----";
    clone.set("DATABASE_CA", pem);
    clone.well("create-cloud-secrets", &[])?;
    let values = values(&clone)?;
    ensure!(values["outrigger-database-ca/ca.crt"] == pem, "{values:#?}");
    let (_, path) = values["outrigger-db-state/url"].split_once("?sslmode=verify-full&sslrootcert=").context("a path")?;
    let folder = path.strip_suffix("/ca.crt").context("the secret's key")?;
    for app in rendered("k8s/cloud")?.iter().filter(|object| object["kind"] == "Deployment") {
        let template = &app["spec"]["template"];
        let mounts = template["metadata"]["annotations"]["dapr.io/volume-mounts"].as_str().context("mounts")?;
        let volume = mounts.split(',').find_map(|mount| mount.strip_suffix(folder)?.strip_suffix(':')).context("a volume")?;
        let mut volumes = template["spec"]["volumes"].as_array().into_iter().flatten();
        let wanted = json!({ "name": volume, "secret": { "secretName": "outrigger-database-ca", "optional": true } });
        ensure!(volumes.any(|volume| *volume == wanted), "{template}");
    }
    Ok(())
}

/// Tried: only the last that is missing, placeholders told only when nothing is missing, no question after placeholders, the cluster asked first,
/// `changeme` and capital letters let through.
#[test]
fn contract_cloud_secrets_name_everything_that_is_missing_or_a_placeholder() -> Result<()> {
    let mut clone = Clone::new()?;
    let says = clone.refuses("create-cloud-secrets", &[], "nothing was changed")?;
    let line = says.lines().find(|line| line.contains("missing: ")).unwrap_or_default();
    ensure!(asked().keys().all(|name| line.split([' ', ':']).any(|word| word == *name)), "{says}");

    for (name, value) in asked() {
        clone.set(name, value);
    }
    clone.set("SMS_TOKEN", "");
    for placeholder in ["changeme", "CHANGE_ME", "<password>", "your-password", "smtp.example.com", "Password", "xxxx", "TODO"] {
        clone.set("SMTP_PASSWORD", placeholder);
        let says = clone.refuses("create-cloud-secrets", &[], "nothing was changed")?;
        ensure!(
            says.contains("only placeholders: SMTP_PASSWORD\n") && says.contains("missing: SMS_TOKEN\n"),
            "{placeholder}: {says}"
        );
    }
    clone.set("SMS_TOKEN", "canary");
    clone.refuses("create-cloud-secrets", &[], "only placeholders: SMTP_PASSWORD\nerror: nothing was changed")?;
    ensure!(clone.scratch.log()?.is_empty() && clone.cluster()?.is_empty(), "the cluster was asked");
    Ok(())
}

/// Process list, trace and files. Every program is one that notes its arguments and goes on as the real one.
/// Tried: without `set +x`; a value as an argument of kubectl; the objects through a file in TMPDIR; a value told to `sed` by its arguments.
#[test]
fn contract_a_value_of_a_secret_is_in_no_argument_no_trace_and_no_file() -> Result<()> {
    let mut clone = Clone::new()?;
    for (name, path) in clone.tools()? {
        std::fs::remove_file(clone.scratch.path(&format!("tools/{name}")))?;
        let noting = format!("#!/bin/bash\nprintf '%s\\n' \"{name} $*\" >>\"$SCRATCH/log\"\nexec {} \"$@\"\n", path.display());
        clone.scratch.program(&format!("tools/{name}"), &noting)?;
    }
    for (name, value) in asked() {
        clone.set(name, value);
    }
    let mut traced = clone.command("bash");
    let output = traced.arg("-x").arg(clone.script("create-cloud-secrets")).output()?;
    ensure!(output.status.success(), "{}", said(&output));
    arrived(&clone)?;

    let log = clone.scratch.log()?;
    ensure!(log.contains("base64") && log.contains("openssl genpkey") && log.contains("apply"), "{log}");
    let mut places = BTreeMap::from([("an argument".to_owned(), log), ("the trace".to_owned(), said(&output))]);
    for (file, text) in clone.below("")? {
        // The programs of this test, and what the cluster keeps.
        if !file.starts_with("cluster/")
            && !file.starts_with("bin/")
            && !file.starts_with("tools/")
            && !file.starts_with("clone/")
        {
            places.insert(file, text);
        }
    }
    let kept = values(&clone)?;
    let secret: Vec<&String> = kept.iter().filter(|(key, _)| !key.ends_with("/port")).map(|(_, value)| value).collect();
    for (place, text) in &places {
        for value in &secret {
            ensure!(!text.contains(*value) && !text.contains(&STANDARD.encode(value)), "{value} is in {place}");
        }
        ensure!(!text.contains("canary"), "{place}: {text}");
    }

    // Again: what was given is given, and nothing that was made is made again.
    let before = clone.cluster()?;
    clone.well("create-cloud-secrets", &[])?;
    ensure!(clone.cluster()? == before);
    clone.set("REDIS_PASSWORD", "another");
    clone.well("create-cloud-secrets", &[])?;
    let after = values(&clone)?;
    let differ: Vec<&String> = kept.keys().filter(|key| after[*key] != kept[*key]).collect();
    ensure!(differ == ["outrigger-redis/password"], "{differ:?}");
    Ok(())
}

/// At a terminal, and nothing that is typed is shown. Tried: one `read` for a certificate too, no `stty`.
#[test]
fn contract_cloud_secrets_are_asked_for_at_a_terminal() -> Result<()> {
    let clone = Clone::new()?;
    // In the order of the questions, which the script says in its list of what is missing.
    let missing = clone.refuses("create-cloud-secrets", &[], "missing: ")?;
    let line = missing.lines().find_map(|line| line.split_once("missing: ")).context("a list")?.1;
    let asked = asked();
    let typed: Vec<String> = line.split_whitespace().map(|name| format!("{name}\n{}\n", asked[name])).collect();
    clone.write("typed", &typed.concat())?;
    // A terminal, and somebody who types the next value when its name is asked.
    clone.write("typist.py", TYPIST)?;
    let output = clone
        .command("/usr/bin/python3")
        .arg(clone.scratch.path("typist.py"))
        .arg(clone.script("create-cloud-secrets"))
        .output()?;
    ensure!(output.status.success(), "{}", said(&output));
    ensure!(!said(&output).contains("canary"), "what is typed is shown: {}", said(&output));
    arrived(&clone)
}

const TYPIST: &str = r#"
import os, pty, sys

script, answers, name = sys.argv[1], {}, None
for line in open(os.environ["SCRATCH"] + "/typed"):
    if line.startswith(("canary", "-----")):
        answers[name] += line
    else:
        name = line.strip()
        answers[name] = ""
child, terminal = pty.fork()
if child == 0:
    os.execv(script, [script])
shown = b""
asked = 0
while True:
    try:
        shown += os.read(terminal, 4096)
    except OSError:
        break
    for name in list(answers):
        if shown[asked:].endswith(name.encode() + b": "):
            asked = len(shown)
            os.write(terminal, answers.pop(name).encode())
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;
