//! Jobs: called in time, on one replica, as often as was asked, through the death of what keeps and of what carries them.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sidecar::job::Job;
use sidecar::{Error, Sidecar};
use uuid::Uuid;

use crate::ground::{Ground, SOON, alone, eventually, shared};
use crate::peer::Heard;

/// The app with two replicas.
const REPLICAS: [&str; 2] = ["web", "web-1"];

fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

fn at(time: DateTime<Utc>) -> String {
    time.to_rfc3339()
}

fn name() -> String {
    format!("job-{}", Uuid::new_v4())
}

/// The calls of a job, on whichever replica.
fn calls(ground: &Ground, job: &str) -> Vec<Heard> {
    let of_job = |heard: &Heard| heard.path == format!("/job/{job}");
    REPLICAS.iter().flat_map(|part| ground.peer(part).heard(of_job)).collect()
}

async fn called(ground: &Ground, job: &str, times: usize) -> Vec<Heard> {
    let what = format!("{times} calls of {job}");
    eventually(&what, async || Some(calls(ground, job)).filter(|calls| calls.len() >= times)).await
}

/// Waits until a job that was scheduled later has been called: an earlier one had its turn by then.
async fn a_later_one_is_called(ground: &Ground, sidecar: &Sidecar) {
    let later = name();
    sidecar.schedule_job(&later, &Job::once("2s", Value::Null)).await.unwrap();
    called(ground, &later, 1).await;
}

#[tokio::test]
async fn a_job_is_called_once_in_time_with_its_data_and_is_gone() {
    let ground = shared().await;
    let (sidecar, job) = (ground.sidecar("web"), name());
    let due = now() + TimeDelta::seconds(3);
    let data = json!({ "title": "Müll hinaus", "of": [1, 2] });
    sidecar.schedule_job(&job, &Job::once(at(due), data.clone())).await.unwrap();
    let stored = sidecar.job(&job).await.unwrap().unwrap();
    assert_eq!((stored.due, stored.data), (Some(at(due)), data.clone()));
    assert!(calls(&ground, &job).is_empty());
    let heard = called(&ground, &job, 1).await;
    assert!(now() >= due, "{} early", due - now());
    assert_eq!((heard[0].method.as_str(), heard[0].json()), ("POST", data));
    assert!(REPLICAS.iter().any(|part| {
        let replica = ground.stack.instances().iter().find(|instance| instance.part() == **part).unwrap();
        heard[0].header("dapr-api-token") == replica.app_api_token
    }));
    eventually("it is gone", async || sidecar.job(&job).await.unwrap().is_none().then_some(())).await;
    a_later_one_is_called(&ground, &sidecar).await;
    assert_eq!(calls(&ground, &job).len(), 1, "on one replica");
}

#[tokio::test]
async fn a_repeated_job_begins_when_it_is_due_and_ends_after_its_repeats() {
    let ground = shared().await;
    let (sidecar, job) = (ground.sidecar("web"), name());
    let due = now() + TimeDelta::seconds(2);
    let asked = Job { due: Some(at(due)), repeats: Some(3), ..Job::repeated("@every 1s", json!(job)) };
    sidecar.schedule_job(&job, &asked).await.unwrap();
    assert_eq!(sidecar.job(&job).await.unwrap(), Some(asked));
    called(&ground, &job, 1).await;
    assert!(now() >= due, "{} early", due - now());
    called(&ground, &job, 3).await;
    assert!(now() >= due + TimeDelta::seconds(2), "three calls within two seconds");
    eventually("it is gone", async || sidecar.job(&job).await.unwrap().is_none().then_some(())).await;
    a_later_one_is_called(&ground, &sidecar).await;
    assert_eq!(calls(&ground, &job).len(), 3);
}

#[tokio::test]
async fn a_cron_schedule_is_called_at_its_seconds_and_ends_with_its_time_to_live() {
    let ground = shared().await;
    let (sidecar, job) = (ground.sidecar("web"), name());
    let asked = Job { ttl: Some("5s".into()), ..Job::repeated("*/2 * * * * *", Value::Null) };
    sidecar.schedule_job(&job, &asked).await.unwrap();
    called(&ground, &job, 2).await;
    eventually("its time to live is over", async || sidecar.job(&job).await.unwrap().is_none().then_some(())).await;
    let ended = calls(&ground, &job).len();
    assert!(ended <= 3, "{ended} even seconds within five");
    a_later_one_is_called(&ground, &sidecar).await;
    assert_eq!(calls(&ground, &job).len(), ended);
}

#[tokio::test]
async fn a_deleted_job_is_not_called_and_one_that_is_not_there_is_none() {
    let ground = shared().await;
    let (sidecar, job) = (ground.sidecar("web"), name());
    assert_eq!(sidecar.job(&job).await.unwrap(), None);
    sidecar.delete_job(&job).await.unwrap();
    sidecar.schedule_job(&job, &Job::once("1s", Value::Null)).await.unwrap();
    sidecar.delete_job(&job).await.unwrap();
    assert_eq!(sidecar.job(&job).await.unwrap(), None);
    a_later_one_is_called(&ground, &sidecar).await;
    assert!(calls(&ground, &job).is_empty());
}

#[tokio::test]
async fn a_job_of_the_same_name_takes_the_place_of_the_first() {
    let ground = shared().await;
    let (sidecar, job) = (ground.sidecar("web"), name());
    sidecar.schedule_job(&job, &Job::once("1h", json!("first"))).await.unwrap();
    sidecar.schedule_job(&job, &Job::once("1s", json!("second"))).await.unwrap();
    assert_eq!(called(&ground, &job, 1).await[0].json(), "second");
    // And the other way round: what is put off is not called at its first time.
    sidecar.schedule_job(&job, &Job::once("1s", json!("third"))).await.unwrap();
    sidecar.schedule_job(&job, &Job::once("1h", json!("fourth"))).await.unwrap();
    a_later_one_is_called(&ground, &sidecar).await;
    assert_eq!(calls(&ground, &job).len(), 1);
    assert_eq!(sidecar.job(&job).await.unwrap().unwrap().data, "fourth");
    sidecar.delete_job(&job).await.unwrap();
}

#[tokio::test]
async fn a_job_whose_time_is_past_is_called_at_once() {
    let ground = shared().await;
    let (sidecar, job) = (ground.sidecar("web"), name());
    sidecar.schedule_job(&job, &Job::once(at(now() - TimeDelta::hours(1)), Value::Null)).await.unwrap();
    called(&ground, &job, 1).await;
}

#[tokio::test]
async fn a_job_that_the_app_cannot_take_is_called_again_until_it_can() {
    let ground = alone().await;
    let (sidecar, job) = (ground.sidecar("web"), name());
    for part in REPLICAS {
        ground.peer(part).busy(&format!("/job/{job}"), 4);
    }
    sidecar.schedule_job(&job, &Job::once("1s", Value::Null)).await.unwrap();
    // Dapr's own policy would give up after the fourth call.
    let refused = || calls(&ground, &job).len();
    eventually("it was refused five times", async || (refused() >= 5).then_some(())).await;
    eventually("it is gone", async || sidecar.job(&job).await.unwrap().is_none().then_some(())).await;
    a_later_one_is_called(&ground, &sidecar).await;
    let all = refused();
    a_later_one_is_called(&ground, &sidecar).await;
    assert_eq!(refused(), all, "what was taken is not called again");
}

#[tokio::test]
async fn bad_times_and_names_are_refused_and_say_nothing_about_the_scheduler() {
    let ground = shared().await;
    let sidecar = ground.sidecar("web");
    for wrong in [Job::once("soon", Value::Null), Job::repeated("now and then", Value::Null), Job::default()] {
        let error = sidecar.schedule_job(&name(), &wrong).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
    }
    let error = sidecar.schedule_job("", &Job::once("1s", Value::Null)).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_scheduler_that_is_away_is_unavailable_in_time_and_back_with_its_jobs() {
    let ground = alone().await;
    let (sidecar, job) = (ground.sidecar("web"), name());
    sidecar.schedule_job(&job, &Job::once("1h", json!("kept"))).await.unwrap();
    ground.stack.stop("scheduler").await.unwrap();
    let hasty = ground.observed("web", Duration::from_millis(500), ());
    let begun = std::time::Instant::now();
    let errors = [
        hasty.schedule_job(&name(), &Job::once("1s", Value::Null)).await.unwrap_err(),
        hasty.job(&job).await.unwrap_err(),
        hasty.delete_job(&job).await.unwrap_err(),
    ];
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(errors.iter().all(Error::is_unavailable), "{errors:?}");
    ground.stack.start_part("scheduler").await.unwrap();
    let found = eventually("it answers again", async || hasty.job(&job).await.ok()).await;
    assert_eq!(found.unwrap().data, "kept");
    sidecar.delete_job(&job).await.unwrap();
    ground.stack.wait_ready(SOON).await.unwrap();
}

#[tokio::test]
async fn a_job_survives_the_death_of_the_scheduler_and_of_every_sidecar() {
    let ground = alone().await;
    let sidecar = ground.sidecar("web");
    for victims in [vec!["scheduler"], vec!["web-daprd", "web-1-daprd"]] {
        let job = name();
        let due = now() + TimeDelta::seconds(2);
        sidecar.schedule_job(&job, &Job::once(at(due), json!(victims))).await.unwrap();
        for victim in &victims {
            ground.stack.kill9(victim).await.unwrap();
        }
        assert!(now() < due, "it took too long to kill");
        let heard = called(&ground, &job, 1).await;
        assert!(now() >= due, "{} early", due - now());
        assert_eq!(heard[0].json(), json!(victims));
        eventually("all is well again", async || sidecar.job(&job).await.ok()).await;
        ground.stack.wait_ready(SOON).await.unwrap();
    }
}
