//! Configuration items from a configuration store component.

use std::collections::BTreeMap;

use dapr::dapr::proto::runtime::v1 as proto;

use crate::client::Sidecar;
use crate::error::{Error, Result};

impl Sidecar {
    /// The values of `keys` in `store`; all of them when `keys` is empty.
    ///
    /// # Errors
    /// As every call.
    pub async fn configuration(&self, store: &str, keys: &[&str]) -> Result<BTreeMap<String, String>> {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        let request = proto::GetConfigurationRequest { store_name: store.to_owned(), keys, ..Default::default() };
        self.observed("configuration", store, self.inner.timeout, async {
            let (mut client, request) = self.grpc(request);
            let answer = client.get_configuration(request).await;
            let answer = answer.map_err(|status| Error::from_status(&format!("configuration {store}"), &status))?;
            Ok(answer.into_inner().items.into_iter().map(|(key, item)| (key, item.value)).collect())
        })
        .await
    }
}
