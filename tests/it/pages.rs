//! The pages as people meet them: in Chromium, through the front door, with the real parts behind it.
//!
//! Whatever a story tells, no page may write an error to the console, break its own security policy or ask another host for anything;
//! the harness looks when the browser closes. `cargo test --workspace --test it page_`.

mod bulk;
mod code;
mod docs;
mod errors;
mod feed;
mod forms;
mod frame;
mod harness;
mod import;
mod keyboard;
mod layout;
mod live;
mod messages;
mod narrow;
mod notifications;
mod people;
mod preferences;
mod protection;
mod quick_add;
mod recurrence;
mod story;
mod tags;
mod task_form;
mod task_page;
mod times;
mod undo;
mod way_back;
mod without_script;

use std::sync::OnceLock;
use std::time::SystemTime;

use anyhow::Result;
use chrono::{DateTime, Utc};
use contracts::task::Task;
use tests::Suite;
use tests::page::{Account, Browser, Setup, browse};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// Time as the machine tells it, which is also that of every part.
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Somebody who just signed up, in front of their empty list.
async fn as_somebody(name: &str, setup: Setup, tell: impl AsyncFnOnce(&Suite, &Browser, &Account) -> Result<()>) -> Result<()> {
    as_somebody_of(&Suite::shared().await?, name, setup, tell).await
}

/// The same in a suite of one's own. At the end nothing is left in a queue.
async fn as_somebody_of(
    suite: &Suite,
    name: &str,
    setup: Setup,
    tell: impl AsyncFnOnce(&Suite, &Browser, &Account) -> Result<()>,
) -> Result<()> {
    let mut tenant = None;
    browse(suite, name, setup, async |browser| {
        let account = Account::sign_up(browser, suite).await?;
        tenant = Some(account.person.tenant_id);
        tell(suite, browser, &account).await
    })
    .await?;
    suite.settled(tenant.as_slice()).await
}

/// A suite whose parts may be stopped: that of the run belongs to everyone. One story at a time has it.
async fn breakable() -> Result<(Suite, MutexGuard<'static, ()>)> {
    static SUITE: OnceCell<Suite> = OnceCell::const_new();
    static TURN: OnceLock<Mutex<()>> = OnceLock::new();
    let turn = TURN.get_or_init(Mutex::default).lock().await;
    let suite = SUITE.get_or_try_init(async || {
        let mut options = Suite::options("pages")?;
        options.zipkin = false;
        options.replicas = [("realtime".to_owned(), 2)].into();
        Suite::start(options).await
    });
    Ok((suite.await?.anew()?, turn))
}

/// The one task of a person, with this title.
async fn only_task(account: &Account, title: &str) -> Result<Task> {
    let mut page = account.person.list("?status=todo,in_progress,completed").await?;
    let found: Vec<&str> = page.items.iter().map(|task| task.title.as_str()).collect();
    anyhow::ensure!(found == [title], "{found:?}");
    Ok(page.items.remove(0))
}

/// The selector of a task's row.
fn row(task: &Task) -> String {
    format!("#task-{}", task.id)
}
