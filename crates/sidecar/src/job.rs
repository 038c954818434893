//! Jobs: one call at one time, by Dapr's scheduler.

use dapr::dapr::proto::runtime::v1 as proto;

use crate::client::Sidecar;
use crate::error::{Error, Result};

impl Sidecar {
    /// Has the scheduler call `POST /job/{name}` of one replica at `due`, an RFC 3339 time. An earlier job of that name is replaced.
    ///
    /// # Errors
    /// As every call.
    pub async fn schedule_job(&self, name: &str, due: &str) -> Result<()> {
        let job = proto::Job { name: name.to_owned(), due_time: Some(due.to_owned()), ..Default::default() };
        let request = proto::ScheduleJobRequest { job: Some(job), overwrite: true };
        self.observed("job", name, self.inner.timeout, async {
            let (mut client, request) = self.grpc(request);
            client.schedule_job(request).await.map_err(|status| Error::from_status(&format!("job {name}"), &status))?;
            Ok(())
        })
        .await
    }

    /// Removes the job `name`; one that does not exist is no error.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_job(&self, name: &str) -> Result<()> {
        let request = proto::DeleteJobRequest { name: name.to_owned() };
        self.observed("job", name, self.inner.timeout, async {
            let (mut client, request) = self.grpc(request);
            match client.delete_job(request).await {
                Err(status) if status.code() != tonic::Code::NotFound => Err(Error::from_status(&format!("job {name}"), &status)),
                _ => Ok(()),
            }
        })
        .await
    }
}
