//! The way to people: staging and production by the steps of the workflow, back by a tag, and the clouds' own Kubernetes by the chart; with a real
//! certificate at the door, and PostgreSQL, Kafka and mail elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tests::cluster::{Cluster, NAMESPACE, kubectl, objects, said};
use tests::eventually;
use tests::recorder::Scratch;
use tests::suite::{is_long, variable};
use tokio::process::Command;
use uuid::Uuid;

use super::access::Forward;
use super::door::{self, Authority, Door, HOST, MAIL, Tunnel};
use super::releases::{marked, runs, told};
use super::rollout::Load;
use super::shape::apps;
use super::tools::{fed, remove};
use super::{deploy, story};
use crate::workflows::workflow;
use crate::workspace::root;

/// Where the servers are.
const ELSEWHERE: &str = "elsewhere";
/// Whose images the workflow deploys.
const OWNER: &str = "somebody";
/// The releases of this story. The last is the command line without a command, which ends at once.
const TAGS: [&str; 3] = ["first", "second", "broken"];
/// The roles of `scripts/database.sql`.
const ROLES: [&str; 7] = ["identity", "tasks", "reminders", "notifications", "messaging", "audit", "state"];
/// A certificate that outlives the story.
const HOLDS: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_secs(120);
/// How long a release that never gets ready is waited for; ten minutes are Kubernetes' own.
const PATIENCE: &str = "  - target: { kind: Deployment }\n    patch: |-\n      \
                        - { op: add, path: /spec/progressDeadlineSeconds, value: 45 }\n";
/// Two of what people wait for and one of who works behind it, where production has three and five: it is one machine, and not theirs alone. Said of
/// the deployments, too: one whose number only an autoscaler says begins with one pod.
const FEW: &str = "  - target: { kind: HorizontalPodAutoscaler, name: gateway|web|identity|tasks|messaging|realtime }\n    patch: |-\n      \
                   - { op: replace, path: /spec/minReplicas, value: 2 }\n      - { op: replace, path: /spec/maxReplicas, value: 2 }\n  \
                   - target: { kind: HorizontalPodAutoscaler, name: recurrence|reminders|notifications|audit }\n    patch: |-\n      \
                   - { op: replace, path: /spec/minReplicas, value: 1 }\n      - { op: replace, path: /spec/maxReplicas, value: 1 }\n  \
                   - target: { kind: Deployment, name: gateway|web|identity|tasks|messaging|realtime }\n    patch: |-\n      \
                   - { op: add, path: /spec/replicas, value: 2 }\n";

/// The place, as whoever deploys there knows it.
struct Place<'a> {
    folder: &'a Scratch,
    authority: Authority,
    door: Door,
    password: String,
    /// Of PostgreSQL and of Kafka.
    known_by: String,
}

impl<'a> Place<'a> {
    /// Everything but the suite.
    async fn prepare(folder: &'a Scratch) -> Result<Self> {
        let password = Uuid::new_v4().simple().to_string();
        let names = format!("DNS:postgres.{ELSEWHERE},DNS:kafka.{ELSEWHERE}");
        let (key, known_by) = door::certificate(folder, ELSEWHERE, &names).await?;
        let scram = format!("--add-scram\nSCRAM-SHA-512=[name=suite,password={password}]\n");
        let mut text = include_str!("cloud.yaml").to_owned();
        for (word, value) in [
            ("KEY", BASE64_STANDARD.encode(&key)),
            ("CERTIFICATE", BASE64_STANDARD.encode(&known_by)),
            ("STORE", BASE64_STANDARD.encode(format!("{key}{known_by}"))),
            ("SCRAM", BASE64_STANDARD.encode(scram)),
            ("PASSWORD", password.clone()),
            ("KAFKA", variable("OUTRIGGER_KAFKA").context("OUTRIGGER_KAFKA does not name an image (see CONTRIBUTING.md)")?),
            ("POSTGRES", server("postgres")?),
            ("MAILBOX", format!("ghcr.io/{OWNER}/outrigger:{}", TAGS[0])),
        ] {
            text = text.replace(&format!("@{word}@"), &value);
        }
        let servers = async {
            door::apply(&text, &[]).await?;
            for part in ["postgres", "kafka", "mailbox"] {
                kubectl(&["rollout", "status", &format!("deployment/{part}"), "-n", ELSEWHERE, "--timeout=180s"]).await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        let (installed, authority, there) = tokio::join!(door::install(folder), door::open(folder, NAMESPACE, HOLDS), servers);
        installed?;
        there?;
        let door = Door::find(folder).await?;
        fs::write(folder.path(".curlrc"), door.curlrc())?;
        let place = Self { folder, authority: authority?, door, password, known_by };
        place.administer().await?;
        Ok(place)
    }

    /// What DEPLOYMENT asks of the servers' administrators.
    async fn administer(&self) -> Result<()> {
        let mut statements = String::new();
        for role in ROLES {
            statements.push_str(&format!("\\set {role}_password '{}'\n", self.password));
        }
        statements.push_str(&fs::read_to_string(root()?.join("scripts/database.sql"))?);
        let psql = ["-n", ELSEWHERE, "exec", "-i", "deployment/postgres", "--", "psql", "-q", "-U", "postgres", "-f", "-"];
        fed("kubectl", &[&psql[..], &["-v", "ON_ERROR_STOP=1"]].concat(), &statements).await?;
        let way = Forward::open_in(ELSEWHERE, "service/kafka", 9092).await?;
        stack::create_topics("127.0.0.1", way.url.rsplit(':').next().context("a port")?.parse()?).await
    }

    /// A script of the clone, with what the person who calls it has.
    fn script(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(root()?.join("scripts").join(name));
        command.current_dir(root()?).env("CURL_HOME", &self.folder.0);
        Ok(command)
    }

    /// Redis comes by its script, and nobody types its password.
    async fn secrets(&self) -> Result<()> {
        let mut redis = self.script("deploy-redis.sh")?;
        redis.args(["--image", &server("redis")?]);
        said(redis).await?;
        let password =
            kubectl(&["get", "secret", "outrigger-redis", "-o", "go-template={{.data.password | base64decode}}"]).await?;
        let answer = r#"echo ping | REDISCLI_AUTH=$0 redis-cli"#;
        let answer = kubectl(&["exec", "statefulset/redis", "--", "sh", "-c", answer, &password]).await?;
        ensure!(answer.trim() == "PONG", "{answer}");
        let mut command = self.script("create-cloud-secrets.sh")?;
        for (name, value) in [
            ("DATABASE_HOST", "postgres.elsewhere"),
            ("DATABASE_CA", &self.known_by),
            ("REDIS_HOST", "redis:6379"),
            ("REDIS_PASSWORD", &password),
            ("KAFKA_BROKERS", "kafka.elsewhere:9093"),
            ("KAFKA_USER", "suite"),
            ("KAFKA_PASSWORD", &self.password),
            ("KAFKA_CA", &self.known_by),
            ("SMTP_HOST", "mailbox.elsewhere"),
            ("SMTP_PORT", "587"),
            ("SMTP_USER", "suite"),
            ("SMTP_PASSWORD", &self.password),
            ("SMTP_FROM", "reminders@outrigger.example"),
            ("SMS_ACCOUNT", "AC0"),
            ("SMS_TOKEN", "none"),
            ("SMS_FROM", "+41000000000"),
        ] {
            command.env(name, value);
        }
        for role in ROLES {
            command.env(format!("DATABASE_PASSWORD_{}", role.to_uppercase()), &self.password);
        }
        said(command).await.map(drop)
    }

    /// The steps of deploy-cloud.yaml as GitHub runs them; the first that fails is the last, but for the one that then says what is there.
    async fn release(&self, target: &str, tag: &str) -> Result<String> {
        let kubeconfig = said({
            let mut command = Command::new("kubectl");
            command.args(["config", "view", "--raw", "--flatten", "--minify"]);
            command
        })
        .await?;
        let temporary = self.folder.0.display().to_string();
        let known = [
            ("secrets.CLUSTER_KUBECONFIG", kubeconfig.as_str()),
            ("vars.HOST", HOST),
            ("vars.MAIL", MAIL),
            ("inputs.target", target),
            ("inputs.tag", tag),
            ("github.repository_owner", OWNER),
            ("runner.temp", &temporary),
        ];
        let cloud = workflow("deploy-cloud.yaml")?;
        let mut words = String::new();
        for (_, step) in cloud.steps().filter(|(_, step)| step["uses"].is_null() && step["if"].is_null()) {
            let mut command = Command::new("bash");
            command.args(["--noprofile", "--norc", "-e", "-c", step["run"].as_str().context("a step that runs")?]);
            command.current_dir(root()?).env("CURL_HOME", &self.folder.0);
            for (name, value) in step["env"].as_object().into_iter().flatten() {
                let mut value = value.as_str().context("text")?.to_owned();
                for (expression, known) in known {
                    value = value.replace(&format!("${{{{ {expression} }}}}"), known);
                }
                command.env(name, value);
            }
            words.push_str(&said(command).await.with_context(|| format!("{target} {tag}: {}", step["run"]))?);
        }
        Ok(words)
    }
}

/// Where the story finds the mailbox, and Zipkin beside the suite.
async fn server_of(name: &str, path: &str) -> Result<String> {
    story::server_in(if name == "mailbox" { ELSEWHERE } else { NAMESPACE }, name, path).await
}

/// The image that this run has of a server.
fn server(name: &str) -> Result<String> {
    let said = variable(super::DEPLOY).unwrap_or_default();
    let image = said.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    Ok(image.unwrap_or_else(|| format!("docker.io/library/{name}")))
}

/// The images of every release, under the names by which the workflow asks for them.
async fn load_images(folder: &Scratch) -> Result<()> {
    let (load, binaries) = (told("--load")?, root()?.join(told("--binaries")?));
    let second = folder.path("second");
    marked(&binaries, TAGS[1], &second)?;
    let programs = apps()?.into_iter().chain(["outrigger".to_owned()]);
    for program in programs {
        for (tag, file) in TAGS.iter().zip([binaries.join(&program), second.join(&program), binaries.join("outrigger")]) {
            let mut command = Command::new(root()?.join(&load));
            command.arg(format!("ghcr.io/{OWNER}/{program}:{tag}")).arg(file).current_dir(root()?);
            said(command).await?;
        }
    }
    Ok(())
}

/// Only with OUTRIGGER_LONG: the suite is deployed nine times.
#[tokio::test]
async fn cluster_a_release_goes_to_staging_to_production_and_back_and_to_every_cloud() -> Result<()> {
    if !is_long() {
        return Ok(());
    }
    let folder = Scratch::new()?;
    clear().await?;
    let seen = the_whole_way(&folder).await;
    if seen.is_ok() {
        clear().await?;
        // The next story needs its suite.
        said(deploy(&[])?).await?;
    }
    seen
}

/// Everything of this story away, and the suite of the others, whose place it takes.
async fn clear() -> Result<()> {
    door::clear(true).await?;
    kubectl(&["delete", "ingressclass", "nginx", "--ignore-not-found"]).await?;
    remove(&[NAMESPACE, ELSEWHERE, "monitoring"]).await
}

async fn the_whole_way(folder: &Scratch) -> Result<()> {
    load_images(folder).await?;
    let place = Place::prepare(folder).await?;
    place.secrets().await?;
    place.authority.overlay(".run/cluster-cloud/staging", "k8s/staging", PATIENCE)?;
    place.authority.overlay(".run/cluster-cloud/production", "k8s/production", FEW)?;
    let (staging, production) = ("../.run/cluster-cloud/staging", "../.run/cluster-cloud/production");

    // Traces lead somewhere, as DEPLOYMENT says.
    let mut monitoring = place.script("setup-monitoring.sh")?;
    monitoring.arg("--zipkin").args(variable("OUTRIGGER_MONITORING").unwrap_or_default().split_whitespace());
    said(monitoring).await?;
    let words = place.release(staging, "first").await?;
    ensure!(words.contains("all is well") && words.contains(&format!("first runs at https://{HOST}")), "{words}");
    let first = runs(NAMESPACE, "first").await?;
    let tunnel = Tunnel::open(&place.door).await?;
    let people = Cluster::at(HOST, tunnel.address)?;
    story::told(&people, server_of).await?;

    let second = updated_and_taken_back(&place, &people, staging, &first).await?;
    // Another place, and not one that people are in: sidecars take up its other components while they run, and requests meet them at it.
    place.release(production, "second").await?;
    ensure!(runs(NAMESPACE, "second").await? == second, "production has other images than staging");
    gone_back(&place, &first).await?;
    // What people see is what they saw in staging, and who was there before notices nothing of the promotion.
    let member = people.somebody().await?;
    let load = Load::of(1, &member, false);
    place.release(production, "second").await?;
    ensure!(runs(NAMESPACE, "second").await? == second, "another second release");
    story::told(&people, server_of).await?;
    load.end_whole(&member).await?;

    remove(&[NAMESPACE]).await?;
    // These are no namespace's, and Helm takes over nothing that somebody else made.
    kubectl(&["delete", "clusterissuer", "letsencrypt", "letsencrypt-staging"]).await?;
    to_every_cloud(&place).await
}

/// Under one who never stops: more would be a load that the autoscalers answer with pods, and this machine with queues. Gives the digests of the
/// second release.
async fn updated_and_taken_back(
    place: &Place<'_>,
    people: &Cluster,
    staging: &str,
    first: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let member = people.somebody().await?;
    let load = Load::of(1, &member, false);
    place.release(staging, "second").await?;
    let second = runs(NAMESPACE, "second").await?;
    ensure!(
        first.keys().eq(second.keys()) && first.iter().all(|(app, digest)| second[app] != *digest),
        "the second is the first"
    );
    load.unbroken("an update of staging")?;

    let refused = place.release(staging, "broken").await.err().context("a broken release is taken")?;
    let words = format!("{refused:#}");
    ensure!(words.contains("of broken did not become ready; the release before runs again"), "{words}");
    ensure!(runs(NAMESPACE, "second").await? == second, "another release than before runs");
    load.end_whole(&member).await?;
    Ok(second)
}

/// To a release by its tag.
async fn gone_back(place: &Place<'_>, first: &BTreeMap<String, String>) -> Result<()> {
    let mut back = place.script("rollback.sh")?;
    back.arg("first");
    let words = said(back).await?;
    ensure!(words.contains("all is well") && words.matches(":first").count() >= first.len(), "{words}");
    ensure!(runs(NAMESPACE, "first").await? == *first, "not what ran first");
    Ok(())
}

/// The clouds' own Kubernetes: this cluster, handed out by a program in place of the cloud's.
async fn to_every_cloud(place: &Place<'_>) -> Result<()> {
    let class = r#"{"apiVersion":"networking.k8s.io/v1","kind":"IngressClass","metadata":{"name":"nginx"},"spec":{"controller":"k8s.io/ingress-nginx"}}"#;
    door::apply(class, &[]).await?;
    place.secrets().await?;
    let config = place.folder.path("kubeconfig").display().to_string();
    for tool in ["oci", "az", "gcloud", "gke-gcloud-auth-plugin"] {
        place.folder.program(&format!("bin/{tool}"), &format!("#!/bin/sh\ncp {config} \"$KUBECONFIG\"\n"))?;
    }
    let path = format!("{}:{}", place.folder.path("bin").display(), variable("PATH").unwrap_or_default());
    for (cloud, own) in [
        ("oke", "--cluster-id ocid1.cluster --region eu-zurich-1"),
        ("aks", "--resource-group group --cluster suite"),
        ("gke", "--project project --location europe-west1 --cluster suite"),
    ] {
        let mut command = place.script(&format!("deploy-{cloud}.sh"))?;
        command.env("PATH", &path).env("HOME", &place.folder.0).args(own.split(' '));
        command.args(["--host", HOST, "--mail", MAIL, "--registry", &format!("ghcr.io/{OWNER}"), "--tag", "first"]);
        let (words, given) = tokio::join!(said(command), as_a_cloud_does(&place.authority));
        let words = words.with_context(|| cloud.to_owned())?;
        given?;
        ensure!(words.contains("all is well") && words.contains(&format!("first runs at https://{HOST}")), "{cloud}: {words}");
    }
    runs(NAMESPACE, "first").await?;
    for (path, words) in [("/health", "\"keys\":\"up\""), ("/ws", "Send the token as ?token=.")] {
        let answer = place.door.curl("https", path, &[]).await?;
        ensure!(answer.contains(words), "{path}: {answer}");
    }
    let more = ["--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}"];
    let sent = place.door.curl("http", "/tasks?limit=1", &more).await?;
    ensure!(sent == format!("308 https://{HOST}/tasks?limit=1"), "{sent}");
    let tunnel = Tunnel::open(&place.door).await?;
    let ada = Cluster::at(HOST, tunnel.address)?.member().await?;
    ada.get("/tasks?limit=1").await?.is(200).map(drop)
}

/// Gives each load balancer an address, which helm waits for, and the issuers this story's authority, which the chart has no value for.
async fn as_a_cloud_does(authority: &Authority) -> Result<()> {
    let issuer = serde_json::json!({ "spec": { "acme": { "server": authority.server, "caBundle": authority.known_by } } });
    let address = r#"{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}"#;
    eventually("the chart's issuers and load balancers are there", SOON, async || {
        let list = objects(&["services"]).await?;
        let all = list["items"].as_array().context("a list")?;
        let balancers: Vec<&Value> = all.iter().filter(|service| service["spec"]["type"] == "LoadBalancer").collect();
        ensure!(balancers.len() == 2, "{} load balancers", balancers.len());
        for service in balancers {
            let service = format!("service/{}", super::name(service));
            kubectl(&["patch", &service, "--subresource=status", "--type=merge", "--patch", address]).await?;
        }
        for name in ["letsencrypt", "letsencrypt-staging"] {
            kubectl(&["patch", "clusterissuer", name, "--type=merge", "--patch", &issuer.to_string()]).await?;
        }
        Ok(Some(()))
    })
    .await
}
