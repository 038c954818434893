//! Secrets, by name, from a secret store component.

use std::collections::BTreeMap;

use dapr::dapr::proto::runtime::v1 as proto;

use crate::client::Sidecar;
use crate::error::{Error, Result};

impl Sidecar {
    /// All keys of the secret `name` in `store`.
    ///
    /// # Errors
    /// [`Error::Refused`] when there is no such secret or this app may not read it.
    pub async fn secret(&self, store: &str, name: &str) -> Result<BTreeMap<String, String>> {
        let request = proto::GetSecretRequest { store_name: store.to_owned(), key: name.to_owned(), ..Default::default() };
        self.observed("secret", name, self.inner.timeout, async {
            let (mut client, request) = self.grpc(request);
            let answer =
                client.get_secret(request).await.map_err(|status| Error::from_status(&format!("secret {name}"), &status))?;
            Ok(answer.into_inner().data.into_iter().collect())
        })
        .await
    }
}
