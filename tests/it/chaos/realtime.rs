//! Instances of realtime that come later, and sidecars that come back, miss nothing and show nothing old: a fresh consumer group begins at
//! the oldest message there is.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::{Suite, eventually};

use super::{BACK, alone, options};
use crate::realtime::Audience;

/// How long a new instance may take until a page can connect to it.
const OPEN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_three_instances_of_realtime_and_a_fourth_that_joins_show_each_change_once_and_nothing_old() -> Result<()> {
    let mut options = options("realtime", &["identity", "tasks", "realtime", "gateway"])?;
    options.replicas.insert("realtime".to_owned(), 4);
    alone(options, run).await
}

async fn run(suite: &Suite) -> Result<()> {
    for part in ["realtime-3", "realtime-3-daprd"] {
        suite.stack().stop(part).await?;
    }
    let mut audience = Audience::new(suite, 3)?;
    for (index, pages) in [(0, 4), (1, 3), (2, 3)] {
        audience.open(suite.stack().instance("realtime", index)?, pages).await?;
    }
    ensure!(audience.pages() == 30, "{} pages", audience.pages());
    audience.create().await?;
    audience.change().await?;

    // A fourth joins while changes are made.
    for part in ["realtime-3-daprd", "realtime-3"] {
        suite.stack().start_part(part).await?;
    }
    audience.create().await?;
    suite.stack().wait_ready(BACK).await?;
    let fourth = suite.stack().instance("realtime", 3)?;
    eventually("the fourth takes pages", OPEN, async || {
        let base = format!("http://127.0.0.1:{}", fourth.app_port);
        let (status, _) = tests::socket::knock(&base, &format!("?token={}", suite.person()?.token)).await?;
        Ok((status == 101).then_some(()))
    })
    .await?;
    audience.open(fourth, 1).await?;
    audience.change().await?;
    audience.create().await?;

    // Its sidecar comes back with a group of its own, which is given everything once more, while the pages are open.
    suite.stack().restart("realtime-3-daprd").await?;
    audience.change().await?;
    audience.create().await?;
    audience.keeps_to_itself()?;
    suite.settled(&audience.tenants()).await
}
