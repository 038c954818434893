//! The scheduler: there when it is asked for, and its jobs outlive the launcher.

use std::time::Duration;

use stack::Stack;

use crate::support::{Folder, eventually, options, sidecar, start};

const SOON: Duration = Duration::from_secs(60);
const JOB: &str = "/v1.0/jobs/kept";

/// The data of the job that waits an hour.
async fn kept(stack: &Stack) -> Option<String> {
    let (status, body) = sidecar(stack.instance("tasks", 0).unwrap(), "GET", JOB, "").await.unwrap();
    (status == 200 && body.contains("\"yes\"")).then_some(body)
}

#[tokio::test]
async fn the_scheduler_keeps_its_jobs_when_the_launcher_is_gone_without_a_farewell() {
    let folder = Folder::new();
    let with_jobs = || {
        let mut options = options(&folder, &["tasks"]);
        options.jobs = true;
        options
    };
    let stack = start(with_jobs()).await;
    let tasks = stack.instance("tasks", 0).unwrap();
    let (status, body) = sidecar(tasks, "POST", JOB, r#"{"dueTime":"1h","data":"yes"}"#).await.unwrap();
    assert_eq!(status, 204, "{body}");
    // No farewell: the launcher is gone from one moment to the next, and the scheduler with it.
    drop(stack);
    let stack = start(with_jobs()).await;
    eventually("the job is there", SOON, async || kept(&stack).await.is_some()).await;
    stack.shutdown().await.unwrap();
}

#[tokio::test]
async fn without_being_asked_for_there_is_no_scheduler_and_jobs_are_refused() {
    let folder = Folder::new();
    let stack = start(options(&folder, &["tasks"])).await;
    assert!(stack.parts().iter().all(|(name, ..)| name != "scheduler"));
    let tasks = stack.instance("tasks", 0).unwrap();
    let (status, body) = sidecar(tasks, "POST", JOB, r#"{"dueTime":"1h","data":"yes"}"#).await.unwrap();
    assert!(status == 500 && body.contains("disabled"), "{status} {body}");
    stack.shutdown().await.unwrap();
}
