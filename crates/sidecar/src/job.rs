//! Jobs: calls at given times, kept by Dapr's scheduler.

use std::time::Duration;

use dapr::dapr::proto::common::v1::{JobFailurePolicy, JobFailurePolicyConstant, job_failure_policy::Policy};
use dapr::dapr::proto::runtime::v1 as proto;
use serde_json::Value;
use tonic::{Code, Status};

use crate::client::Sidecar;
use crate::error::{Error, Result};

/// How long the scheduler waits before it calls again after a failed call.
const RETRY: Duration = Duration::from_secs(2);

/// When one replica is to be called, and with what. Times are RFC 3339 or a duration from now such as `90s`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Job {
    /// The time of the only call, or before which no call of `schedule` comes.
    pub due: Option<String>,
    /// When it is called again and again: `@every 10s`, or six fields of cron with seconds first.
    pub schedule: Option<String>,
    /// How many calls there are; without end when absent.
    pub repeats: Option<u32>,
    /// When it ends, whether it was called or not.
    pub ttl: Option<String>,
    /// The body of each call; none when it is null. daprd's own `GET /v1.0/jobs/{name}` cannot show a job with data that came by gRPC.
    pub data: Value,
}

impl Job {
    /// One call at `due`.
    pub fn once(due: impl Into<String>, data: Value) -> Self {
        Self { due: Some(due.into()), data, ..Self::default() }
    }

    /// A call at each time of `schedule`.
    pub fn repeated(schedule: impl Into<String>, data: Value) -> Self {
        Self { schedule: Some(schedule.into()), data, ..Self::default() }
    }
}

impl Sidecar {
    /// Has the scheduler call `POST /job/{name}` of one replica; an earlier job of that name is replaced. A call that fails is repeated
    /// until it does not; 404 counts as done.
    ///
    /// # Errors
    /// [`Error::Refused`] when a time cannot be read, else as every call.
    pub async fn schedule_job(&self, name: &str, job: &Job) -> Result<()> {
        let request = proto::ScheduleJobRequest { job: Some(written(name, job)?), overwrite: true };
        self.observed("job", "schedule", self.inner.timeout, async {
            let (mut client, request) = self.grpc(request);
            client.schedule_job(request).await.map_err(|status| failed(name, &status))?;
            Ok(())
        })
        .await
    }

    /// The job `name`, unless there is none or it has had its last call.
    ///
    /// # Errors
    /// As every call.
    pub async fn job(&self, name: &str) -> Result<Option<Job>> {
        let request = proto::GetJobRequest { name: name.to_owned() };
        self.observed("job", "read", self.inner.timeout, async {
            let (mut client, request) = self.grpc(request);
            match client.get_job(request).await {
                Ok(answer) => answer.into_inner().job.map(|job| read(name, job)).transpose(),
                Err(status) if inner_code(&status) == Code::NotFound => Ok(None),
                Err(status) => Err(failed(name, &status)),
            }
        })
        .await
    }

    /// Removes the job `name`; one that does not exist is no error.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_job(&self, name: &str) -> Result<()> {
        let request = proto::DeleteJobRequest { name: name.to_owned() };
        self.observed("job", "delete", self.inner.timeout, async {
            let (mut client, request) = self.grpc(request);
            client.delete_job(request).await.map_err(|status| failed(name, &status))?;
            Ok(())
        })
        .await
    }
}

fn written(name: &str, job: &Job) -> Result<proto::Job> {
    let malformed = |detail: String| Error::Malformed { call: format!("job {name}"), detail };
    let interval = RETRY.try_into().map_err(|error| malformed(format!("{error}")))?;
    // Without a policy of its own, a job is lost after four failed calls within three seconds.
    let policy = Policy::Constant(JobFailurePolicyConstant { interval: Some(interval), max_retries: None });
    let data = match &job.data {
        Value::Null => None,
        // Without a type of its own, daprd hands the bytes on as they are.
        data => Some(serde_json::to_vec(data).map_err(|error| malformed(error.to_string()))?),
    };
    Ok(proto::Job {
        name: name.to_owned(),
        schedule: job.schedule.clone(),
        repeats: job.repeats,
        due_time: job.due.clone(),
        ttl: job.ttl.clone(),
        data: data.map(|value| prost_types::Any { type_url: String::new(), value }),
        failure_policy: Some(JobFailurePolicy { policy: Some(policy) }),
    })
}

fn read(name: &str, job: proto::Job) -> Result<Job> {
    let data = job.data.map(|data| serde_json::from_slice(&data.value)).transpose();
    let data =
        data.map_err(|error| Error::Malformed { call: format!("job {name}"), detail: error.to_string() })?.unwrap_or_default();
    Ok(Job { due: job.due_time, schedule: job.schedule, repeats: job.repeats, ttl: job.ttl, data })
}

fn failed(name: &str, status: &Status) -> Error {
    Error::from_status(&format!("job {name}"), &Status::new(inner_code(status), status.message()))
}

/// What the scheduler answered: daprd passes its code on as `Internal`, with the code's name in the words.
fn inner_code(status: &Status) -> Code {
    let known = [
        ("NotFound", Code::NotFound),
        ("Unavailable", Code::Unavailable),
        ("DeadlineExceeded", Code::DeadlineExceeded),
        ("Canceled", Code::Cancelled),
    ];
    let says = |name: &str| status.message().contains(&format!("code = {name} "));
    match status.code() {
        Code::Internal => known.into_iter().find(|(name, _)| says(name)).map_or(Code::Internal, |(_, code)| code),
        code => code,
    }
}
