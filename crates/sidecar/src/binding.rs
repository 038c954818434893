//! Output bindings other than the database: mail, SMS, counters.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use dapr::dapr::proto::runtime::v1 as proto;

use crate::client::Sidecar;
use crate::error::{Error, Result};

/// Time allowed for one binding: above the 15 s that the resiliency file gives a mail, so that an attempt is never given up while the
/// sidecar still makes it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What an output binding answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The component's data; empty when it gives none.
    pub data: Bytes,
    /// The component's metadata.
    pub metadata: HashMap<String, String>,
}

impl Sidecar {
    /// Invokes `operation` of the output binding `component`.
    ///
    /// # Errors
    /// [`Error::Refused`] with what the component said, [`Error::NoAnswer`] when daprd did not answer.
    pub async fn binding(
        &self,
        component: &str,
        operation: &str,
        metadata: HashMap<String, String>,
        data: Bytes,
    ) -> Result<Answer> {
        let request = proto::InvokeBindingRequest {
            name: component.to_owned(),
            data: data.to_vec(),
            metadata,
            operation: operation.to_owned(),
        };
        self.observed("binding", component, TIMEOUT, async {
            let (mut client, request) = self.grpc(request);
            let answer = client
                .invoke_binding(request)
                .await
                .map_err(|status| Error::from_status(&format!("binding {component}"), &status))?;
            let answer = answer.into_inner();
            Ok(Answer { data: answer.data.into(), metadata: answer.metadata })
        })
        .await
    }
}
