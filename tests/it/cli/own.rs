//! A person's own tasks from the command line: they sign in once, write a line, list, and complete.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use contracts::task::Task;
use serde_json::{Value, json};
use tests::{Person, Suite};

use super::{Said, outrigger, outrigger_reads};

/// Somebody with an account and a folder for their settings, which goes with them.
pub(super) struct Owner {
    email: String,
    url: String,
    config: PathBuf,
    pub person: Person,
}

const PASSWORD: &str = "correct horse battery";

impl Owner {
    pub async fn new(suite: &Suite, zone: &str) -> Result<Self> {
        let somebody = suite.person()?;
        let email = format!("own.{}@example.com", uuid::Uuid::new_v4().simple());
        let body = json!({ "email": email, "display_name": "Ada", "password": PASSWORD, "timezone": zone });
        let account: Value = somebody.post("/auth/signup", &body).await?.expect(201)?;
        let credentials = json!({ "grant_type": "password", "username": email, "password": PASSWORD });
        let token: Value = somebody.post("/auth/token", &credentials).await?.expect(200)?;
        let person = Person {
            user_id: serde_json::from_value(account["user_id"].clone())?,
            tenant_id: serde_json::from_value(account["tenant_id"].clone())?,
            token: token["access_token"].as_str().context("a token")?.to_owned(),
            ..somebody
        };
        let config = std::env::temp_dir().join(format!("outrigger-config-{}", person.user_id));
        Ok(Self { email, url: suite.url(""), config, person })
    }

    pub async fn run(&self, arguments: &[&str]) -> Result<Said> {
        self.reads("", arguments).await
    }

    pub async fn reads(&self, input: &str, arguments: &[&str]) -> Result<Said> {
        let config = self.config.to_str().context("the folder's name is text")?;
        outrigger_reads(input, arguments, &[("OUTRIGGER_URL", &self.url), ("XDG_CONFIG_HOME", config)]).await
    }

    pub async fn login(&self) -> Result<()> {
        let said = self.reads(&format!("{PASSWORD}\n"), &["login", "--email", &self.email]).await?;
        ensure!(said.ended(0)?.out.contains(&self.email), "{said:#?}");
        Ok(())
    }

    fn sign_ins(&self) -> PathBuf {
        self.config.join("outrigger/sign-ins.json")
    }

    /// Spoils the access token that is kept, as its end would.
    fn end_token(&self) -> Result<()> {
        let mut kept: Value = serde_json::from_slice(&std::fs::read(self.sign_ins())?)?;
        let one = kept.as_object_mut().and_then(|all| all.values_mut().next()).context("a sign-in")?;
        one["access_token"] = json!("ended");
        Ok(std::fs::write(self.sign_ins(), kept.to_string())?)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.config);
    }
}

#[tokio::test]
async fn flow_a_person_signs_in_once_and_their_tokens_are_theirs_alone() -> Result<()> {
    let suite = Suite::shared().await?;
    let owner = Owner::new(&suite, "Europe/Berlin").await?;
    let unsigned = owner.run(&["tasks", "list"]).await?;
    ensure!(unsigned.ended(64)?.err.contains("outrigger login"), "{unsigned:#?}");
    let wrong = owner.reads("another password\n", &["login", "--email", &owner.email]).await?;
    ensure!(wrong.ended(1)?.err.contains("no account with this address and password"), "{wrong:#?}");
    let nobody = owner.reads("another password\n", &["login", "--email", "nobody@example.com"]).await?;
    ensure!(nobody.ended(1)?.err == wrong.err, "which of the two was wrong is not said: {nobody:#?}");
    owner.reads("", &["login", "--email", &owner.email]).await?.ended(64)?;
    ensure!(!owner.sign_ins().exists(), "who was refused leaves nothing");

    owner.login().await?;
    let kept = std::fs::read_to_string(owner.sign_ins())?;
    ensure!(!kept.contains(PASSWORD), "the password is not kept");
    ensure!(std::fs::metadata(owner.sign_ins())?.permissions().mode() & 0o777 == 0o600, "others must not read it");
    let empty = owner.run(&["tasks", "list"]).await?;
    ensure!(empty.ended(0)?.out.contains("no such tasks"), "{empty:#?}");

    // A refresh token works once, and a second use ends its family: commands that run at the same time renew it in turn.
    owner.end_token()?;
    let commands = std::iter::repeat_with(|| owner.run(&["tasks", "list"])).take(4);
    for said in futures::future::try_join_all(commands).await? {
        said.ended(0)?;
    }

    let refresh_token = serde_json::from_slice::<Value>(&std::fs::read(owner.sign_ins())?)?;
    let refresh_token =
        refresh_token.as_object().and_then(|all| all.values().next()).context("a sign-in")?["refresh_token"].clone();
    let out = owner.run(&["logout"]).await?;
    ensure!(out.ended(0)?.out.contains(&owner.email), "{out:#?}");
    suite.person()?.post("/auth/refresh", &json!({ "refresh_token": refresh_token })).await?.is(401)?;
    owner.run(&["tasks", "list"]).await?.ended(64)?;
    owner.run(&["logout"]).await?.ended(0)?;

    // Tokens that ended elsewhere are forgotten, and the way back is named.
    owner.login().await?;
    owner.end_token()?;
    let spoilt = std::fs::read_to_string(owner.sign_ins())?.replace("refresh_token\":\"", "refresh_token\":\"x");
    std::fs::write(owner.sign_ins(), spoilt)?;
    let ended = owner.run(&["tasks", "list"]).await?;
    ensure!(ended.ended(64)?.err.contains("has ended") && ended.err.contains("outrigger login"), "{ended:#?}");
    suite.settled(&[owner.person.tenant_id]).await
}

#[tokio::test]
async fn flow_a_line_becomes_a_task_and_says_how_it_was_understood() -> Result<()> {
    let suite = Suite::shared().await?;
    let owner = Owner::new(&suite, "Asia/Tokyo").await?;
    let add = ["tasks", "add", "Pay rent every month on the 1st at 9:00 #home !high remind 1d !urgent"];
    let offline = outrigger(&[&add[..], &["--dry-run", "--timezone", "Asia/Tokyo"]].concat(), &[]).await?;
    ensure!(offline.ended(0)?.out.contains("Every month on the 1st (\"every month on the 1st\")"), "{offline:#?}");
    owner.login().await?;
    let dry = owner.run(&[&add[..], &["--dry-run"]].concat()).await?;
    ensure!(dry.ended(0)?.out == offline.out && dry.out.contains("not read  \"!urgent\""), "{dry:#?}");
    ensure!(owner.person.list("").await?.total == 0, "a dry run adds nothing");

    let added = owner.run(&add).await?;
    ensure!(added.ended(0)?.out.starts_with(&dry.out) && added.out.contains("Added "), "{added:#?}");
    let page = owner.person.list("").await?;
    let task: &Task = page.items.first().context("a task")?;
    ensure!(added.out.contains(&task.id.to_string()) && task.title == "Pay rent !urgent", "{task:#?}");
    let due = task.due_at.context("it is due")?;
    ensure!(due.format("%H:%M").to_string() == "00:00", "nine in Tokyo: {due}");
    let pattern = task.recurrence_pattern.as_ref().context("it comes again")?;
    let anchor = pattern.anchor_local.context("an anchor")?.format("%d %H:%M").to_string();
    ensure!((anchor.as_str(), pattern.day_of_month) == ("01 09:00", Some(1)), "{pattern:?}");
    ensure!((task.reminder_offset_minutes, &task.tags) == (Some(1440), &vec!["home".to_owned()]), "{task:#?}");

    let list = owner.run(&["tasks", "list", "--tag", "home"]).await?;
    ensure!(
        list.ended(0)?.out.contains(&task.id.to_string()) && list.out.contains("09:00") && list.out.contains("#home"),
        "{list:#?}"
    );
    let json = owner.run(&["tasks", "list", "--search", "rent", "--json"]).await?.ended(0)?.json()?;
    ensure!(serde_json::from_value::<Vec<Task>>(json)? == page.items, "the same task");

    let done = owner.run(&["tasks", "done", &task.id.to_string()]).await?;
    ensure!(done.ended(0)?.out == "Done: Pay rent !urgent\n", "{done:#?}");
    let listed = owner.run(&["tasks", "list", "--status", "completed", "--json"]).await?.ended(0)?.json()?;
    ensure!(listed[0]["id"] == json!(task.id), "{listed}");
    owner.run(&["tasks", "done", "not-an-id"]).await?.ended(64)?;
    let nobodys = owner.run(&["tasks", "done", &uuid::Uuid::now_v7().to_string()]).await?;
    nobodys.ended(1)?;

    let no_title = owner.run(&["tasks", "add", "tomorrow"]).await?;
    ensure!(no_title.ended(64)?.err.contains("title"), "{no_title:#?}");
    let made = owner.run(&["tasks", "add", "\"tomorrow\" never dies", "--json"]).await?.ended(0)?.json()?;
    ensure!(made["title"] == "tomorrow never dies" && made["due_at"].is_null(), "{made}");
    suite.settled(&[owner.person.tenant_id]).await
}

#[tokio::test]
async fn flow_tasks_of_another_program_are_taken_and_taken_along_by_command() -> Result<()> {
    let suite = Suite::shared().await?;
    let owner = Owner::new(&suite, "Europe/Berlin").await?;
    owner.login().await?;
    let file = "apps/tasks/fixtures/taskwarrior-2.6.2.json";
    let dry = owner.run(&["tasks", "import", file, "--dry-run"]).await?;
    ensure!(dry.ended(0)?.out.ends_with("7 would be created, 0 exist, 3 skipped.\n"), "{dry:#?}");
    ensure!(dry.out.contains("skipped  Thrown away\n         It was deleted.\n"), "{dry:#?}");
    let taken = owner.run(&["tasks", "import", file, "--json"]).await?.ended(0)?.json()?;
    ensure!(taken["created"] == 7, "{taken}");
    let again = owner.run(&["tasks", "import", file]).await?;
    ensure!(again.ended(0)?.out.ends_with("0 created, 7 exist, 3 skipped.\n"), "{again:#?}");
    owner.run(&["tasks", "import", "Cargo.toml"]).await?.ended(64)?;
    let wrong = owner.run(&["tasks", "import", "Cargo.toml", "--format", "ics"]).await?;
    ensure!(wrong.ended(1)?.err.contains("must be an iCalendar file"), "{wrong:#?}");

    let printed = owner.run(&["tasks", "export"]).await?;
    ensure!(printed.ended(0)?.out.matches("BEGIN:VTODO").count() == 7, "{printed:#?}");
    let target = owner.config.join("tasks.ics");
    let target = target.to_str().context("the folder's name is text")?;
    owner.run(&["tasks", "export", "--output", target]).await?.ended(0)?;
    ensure!(std::fs::read_to_string(target)? == printed.out, "the file holds what is printed");
    let twice = owner.run(&["tasks", "export", "--output", target]).await?;
    ensure!(twice.ended(1)?.err.contains("exists"), "nothing is written over: {twice:#?}");
    suite.settled(&[owner.person.tenant_id]).await
}
