//! An attempt belongs to the instance that began it, until it must have died; what it may have sent goes out under the same name.

use anyhow::{Context, Result, ensure};
use tests::database::Database;
use tests::eventually;
use uuid::Uuid;

use super::{Reader, suite};
use crate::guards::tick;
use crate::reminders::{SOON, TOLD, id, list, shows};

/// The administrator writes what an instance leaves that began an attempt and was not heard of again: nobody can say whether the mail went
/// out. As long as the instance may be alive nobody sends it; then it is sent once more, under the name that the first one had.
#[tokio::test]
async fn flow_an_attempt_that_died_is_made_again_only_when_it_must_be_dead_and_under_its_name() -> Result<()> {
    let Some(suite) = suite().await? else { return Ok(()) };
    let (reader, other) = (Reader::new(&suite, [false, true, false]).await?, Reader::new(&suite, [false, true, false]).await?);
    let database = Database::of(&suite).await?;
    // What is refused waits a second, then two: time to write that of the last attempt nothing was heard.
    suite.stack().smtp_refuse_to(&reader.email, 2, "451 4.3.0 try again later");
    let task = reader.remind_now("Submit report").await?;
    let unheard = "with held as (
                     update notifications.notifications set claimed_until = now() + interval '1 hour'
                     where task_id = $1 and status = 'pending' and attempts between 1 and 2 and claimed_until is null returning id, attempts)
                   update notifications.attempts a set outcome = null, ended_at = null from held
                   where a.notification_id = held.id and a.attempt = held.attempts";
    eventually("an attempt was refused", TOLD, async || {
        Ok((database.client().execute(unheard, &[&task]).await? == 1).then_some(()))
    })
    .await?;
    suite.stack().smtp_refuse_to(&reader.email, 0, "");
    let held = outcomes(&database, task).await?;

    // Whoever sends to the other one looked at all that waits, once its own wait was over.
    let waits = "select count(*) from notifications.notifications where task_id = $1 and next_attempt_at < now()";
    eventually("the wait is over", SOON, async || Ok((database.count(waits, &[&task]).await? == 1).then_some(()))).await?;
    let beside = other.remind_now("Water the plants").await?;
    eventually("the other one's reminder is set", SOON, async || Ok(list(&other.person, beside).await?.pop())).await?;
    tick(&suite).await?;
    shows(&other.person, beside, TOLD, &[(1, "delivered")]).await?;
    ensure!(outcomes(&database, task).await? == held, "an attempt under way was made again");
    ensure!(reader.mails().is_empty(), "an attempt under way was made again");

    let dead = "update notifications.notifications set claimed_until = now() - interval '1 second' where task_id = $1";
    ensure!(database.client().execute(dead, &[&task]).await? == 1, "one mail");
    let reminder = id(&shows(&reader.person, task, TOLD, &[(1, "delivered")]).await?[0])?;
    let mut ended = held;
    ended.push(Some("sent".to_owned()));
    ensure!(outcomes(&database, task).await? == ended, "{:?}", outcomes(&database, task).await?);
    let mail = reader.mails().pop().context("a mail")?.content.replace("=\r\n", "");
    ensure!(reader.mails().len() == 1 && mail.contains(&format!("ref: {reminder}-email")), "{mail}");
    suite.settled(&[reader.person.tenant_id, other.person.tenant_id]).await
}

/// How each attempt ended, none where nobody knows.
async fn outcomes(database: &Database, task: Uuid) -> Result<Vec<Option<String>>> {
    let sql = "select coalesce(jsonb_agg(a.outcome order by a.attempt), '[]')
               from notifications.attempts a join notifications.notifications n on n.id = a.notification_id where n.task_id = $1";
    Ok(serde_json::from_value(database.json(sql, &[&task]).await?)?)
}
