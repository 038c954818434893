//! The limit of writes: one for all instances of the gateway, and one for each while the counters are away.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use http::Method;
use serde_json::json;
use tests::{Answer, Person, Suite, eventually, metrics};

use super::gateway::{Ask, gateways};
use super::{BACK, SOON, now};

/// State-changing requests a minute, when the token does not say otherwise.
const RATE: u32 = 60;
/// The limit of who meets it while the counters are away.
const FEW: u32 = 5;
/// The writes must lie in one minute of the clock: the limit slides, but it counts by those.
const LEFT: i64 = 10;

/// Somebody who was refused.
pub(super) struct Refused {
    person: Person,
    again: Instant,
}

async fn write(suite: &Suite, person: &Person, number: u32) -> Result<Answer> {
    let gateways = gateways(suite);
    let gateway = gateways[number as usize % gateways.len()];
    Ask { at: gateway.app_port, person, method: Method::POST, path: "/tasks" }
        .with(suite, &json!({ "title": number.to_string() }))
        .await
}

/// Sixty writes in a minute pass over two instances; the sixty-first does not, whichever instance it meets.
pub(super) async fn sixty_pass_and_one_does_not(suite: &Suite) -> Result<Refused> {
    ensure!(gateways(suite).len() == 2, "two instances");
    let person = suite.person()?.with_token(|claims| claims.rate = None)?;
    let room = async || Ok((now().timestamp() % 60 < 60 - LEFT).then_some(()));
    eventually("a minute with enough of it left", Duration::from_secs(LEFT as u64 + 1), room).await?;
    let first: Vec<Answer> = try_join_all((0..RATE).map(|number| write(suite, &person, number))).await?;
    for answer in &first {
        answer.is(201)?;
        ensure!(answer.header("ratelimit-limit") == "60", "{:?}", answer.headers);
    }
    let mut again = Instant::now();
    for number in RATE..RATE + 2 {
        let answer = write(suite, &person, number).await?;
        ensure!(answer.is(429)?.json()["code"] == "too_many_requests", "{}", answer.body);
        let wait: u64 = answer.header("retry-after").parse().context("Retry-After")?;
        let limit = (answer.header("ratelimit-limit"), answer.header("ratelimit-remaining"), answer.header("ratelimit-reset"));
        ensure!(limit == ("60", "0", wait.to_string().as_str()) && (1..=120).contains(&wait), "{limit:?} {wait}");
        again = Instant::now() + Duration::from_secs(wait);
    }
    let page = person.list("?limit=1").await?;
    ensure!(page.total == i64::from(RATE), "what was refused was not done, and reading goes on: {}", page.total);
    write(suite, &suite.person()?, 0).await?.is(201).context("another person has a limit of their own")?;
    let counted = metrics::total(suite, "gateway", "rate_limit_rejections_total", &[("scope", "write")]).await?;
    ensure!(counted == 2.0, "{counted} refusals were counted");
    Ok(Refused { person, again })
}

/// Who waits as long as they were told passes.
pub(super) async fn a_later_one_passes(suite: &Suite, refused: Refused) -> Result<()> {
    let told = async || Ok((Instant::now() >= refused.again).then_some(()));
    eventually("the time of Retry-After is over", Duration::from_secs(130), told).await?;
    write(suite, &refused.person, RATE + 2).await?.is(201)?;
    Ok(())
}

/// Without the counters nobody is kept from writing, and each instance limits by itself; they come back and so does the one limit.
pub(super) async fn each_limits_by_itself_while_the_counters_are_away(suite: &Suite) -> Result<()> {
    let person = suite.person()?.with_token(|claims| claims.rate = Some(FEW))?;
    suite.stack().stop("redis").await?;
    // The first one finds out, and may wait for it.
    for number in 0..2 * FEW {
        write(suite, &person, number).await?.is(201).with_context(|| format!("write {number} without the counters"))?;
    }
    for number in 0..2 {
        let answer = write(suite, &person, number).await?;
        ensure!(!answer.is(429)?.header("retry-after").is_empty(), "{:?}", answer.headers);
    }
    let local = metrics::total(suite, "gateway", "rate_limit_local", &[]).await?;
    ensure!(local == 2.0, "{local} instances say that they limit by themselves");

    suite.stack().start_part("redis").await?;
    suite.stack().wait_ready(BACK).await?;
    let other = suite.person()?.with_token(|claims| claims.rate = Some(1_000))?;
    eventually("the counters count again", SOON, async || {
        for number in 0..2 {
            write(suite, &other, number).await?.is(201)?;
        }
        Ok((metrics::total(suite, "gateway", "rate_limit_local", &[]).await? == 0.0).then_some(()))
    })
    .await
}
