//! A channel that refuses is tried again, three times in all, and keeps no other from its work.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tests::Suite;
use tests::database::Database;
use uuid::Uuid;

use super::{Reader, Switches, suite};
use crate::reminders::{SOON, TOLD, shows};

/// What one server says to one person, and what becomes of their reminder.
struct Case {
    what: &'static str,
    switches: Switches,
    /// How often the mail server answers with this line instead of taking the mail.
    mail: (usize, &'static str),
    /// How often the receiver of text messages answers with this status.
    sms: (usize, u16),
    /// The outcome of each attempt by mail and by SMS.
    attempts: (Value, Value),
    ended: &'static str,
    results: Value,
    /// Mails and text messages that arrived.
    arrived: [usize; 2],
}

/// More refusals than there may be attempts.
const ALWAYS: usize = 9;

fn cases() -> Vec<Case> {
    let (busy, nobody) = ("451 4.3.0 try again later", "550 5.1.1 no such mailbox");
    vec![
        Case {
            what: "the mail server refuses twice, then accepts",
            switches: [true, true, true],
            mail: (2, busy),
            sms: (0, 0),
            attempts: (json!(["failed", "failed", "sent"]), json!(["sent"])),
            ended: "delivered",
            results: json!({ "in_app": "sent", "email": "sent", "sms": "sent" }),
            arrived: [1, 1],
        },
        Case {
            what: "the mail server always refuses, and there is no other way",
            switches: [false, true, false],
            mail: (ALWAYS, busy),
            sms: (0, 0),
            attempts: (json!(["failed", "failed", "failed"]), json!([])),
            ended: "failed",
            results: json!({ "email": "failed" }),
            arrived: [0, 0],
        },
        Case {
            what: "there is no such mailbox",
            switches: [true, true, true],
            mail: (ALWAYS, nobody),
            sms: (0, 0),
            attempts: (json!(["refused"]), json!(["sent"])),
            ended: "delivered",
            results: json!({ "in_app": "sent", "email": "refused", "sms": "sent" }),
            arrived: [0, 1],
        },
        Case {
            what: "the provider of text messages is away once, then takes it",
            switches: [false, true, true],
            mail: (0, ""),
            sms: (1, 503),
            attempts: (json!(["sent"]), json!(["failed", "sent"])),
            ended: "delivered",
            results: json!({ "email": "sent", "sms": "sent" }),
            arrived: [1, 1],
        },
        Case {
            what: "there is no such number, nor mailbox",
            switches: [false, true, true],
            mail: (ALWAYS, nobody),
            sms: (ALWAYS, 400),
            attempts: (json!(["refused"]), json!(["refused"])),
            ended: "failed",
            results: json!({ "email": "refused", "sms": "refused" }),
            arrived: [0, 0],
        },
    ]
}

#[tokio::test]
async fn flow_a_refused_message_is_tried_three_times_and_holds_up_no_other_channel() -> Result<()> {
    let Some(suite) = suite().await? else { return Ok(()) };
    let told = try_join_all(cases().into_iter().map(|case| tell(&suite, case))).await?;
    suite.settled(&told).await
}

/// Lives one case and gives its tenant.
async fn tell(suite: &Suite, case: Case) -> Result<Uuid> {
    let Case { what, switches, mail, sms, attempts: wanted, ended, results, arrived } = case;
    let reader = Reader::new(suite, switches).await?;
    suite.stack().smtp_refuse_to(&reader.email, mail.0, mail.1);
    suite.stack().sms_refuse_to(&reader.phone, sms.0, sms.1);
    let task = reader.remind_now(what).await?;
    if wanted.0.as_array().is_some_and(|attempts| attempts.len() > 2) {
        // While it is tried again, the reminder is on its way.
        shows(&reader.person, task, TOLD, &[(1, "triggered")]).await?;
    }
    let list = shows(&reader.person, task, TOLD, &[(1, ended)]).await?;
    ensure!(list[0]["channel_results"] == results, "{what}: {}", list[0]);

    let database = Database::of(suite).await?;
    let made = (attempts(&database, task, "email").await?, attempts(&database, task, "sms").await?);
    let outcomes = |made: &Value| -> Value {
        made.as_array().map(|made| made.iter().map(|each| each["outcome"].clone()).collect()).unwrap_or_default()
    };
    let found = (outcomes(&made.0), outcomes(&made.1));
    ensure!(found == wanted, "{what}: {found:?}");
    let attempted = |made: &Value| made.as_array().map_or(0, Vec::len);
    for (recipient, set, made) in [(&reader.email, mail.0, &made.0), (&reader.phone, sms.0, &made.1)] {
        // What stands in the books is what the other side saw.
        let refused = set - suite.stack().refusals_left(recipient);
        ensure!(refused == set.min(attempted(made)), "{what}: {recipient} refused {refused} of {}", attempted(made));
    }
    waits(what, &made.0)?;
    waits(what, &made.1)?;
    ensure!([reader.mails().len(), reader.texts().len()] == arrived, "{what}: {} mails", reader.mails().len());
    ensure!(reader.notes().await?.len() == usize::from(switches[0]), "{what}: once in the page");
    Ok(reader.person.tenant_id)
}

/// The attempts by one channel: outcome, and seconds since the one before had ended.
async fn attempts(database: &Database, task: Uuid, channel: &str) -> Result<Value> {
    let sql = "select coalesce(jsonb_agg(jsonb_build_object('outcome', outcome, 'error', error, 'waited', waited) order by attempt), '[]') from (
                 select a.*, extract(epoch from started_at - lag(ended_at) over (order by attempt)) as waited
                 from notifications.attempts a join notifications.notifications n on n.id = a.notification_id
                 where n.task_id = $1 and n.channel = $2) attempts";
    database.json(sql, &[&task, &channel]).await
}

/// One second, then two, give or take a fifth; a busy machine may look later, never sooner.
fn waits(what: &str, attempts: &Value) -> Result<()> {
    let waited: Vec<f64> = attempts.as_array().into_iter().flatten().filter_map(|each| each["waited"].as_f64()).collect();
    for (waited, rule) in waited.iter().zip([1.0, 2.0]) {
        ensure!(
            *waited >= rule * 0.79 && *waited < rule * 1.2 + SOON.as_secs_f64() / 4.0,
            "{what}: waited {waited} s, not {rule}"
        );
    }
    Ok(())
}
