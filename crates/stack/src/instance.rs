//! One app with its sidecar: the ports and tokens that belong to the pair.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// An instance of an app and the sidecar beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// The app's id.
    pub app: String,
    /// 0 for the first.
    pub index: u16,
    /// Where other sidecars reach this pair; all else is for the loopback interface alone.
    pub host: IpAddr,
    /// Where the app listens.
    pub app_port: u16,
    /// Where the sidecar's HTTP API listens.
    pub dapr_http_port: u16,
    /// Where the sidecar's gRPC API listens.
    pub dapr_grpc_port: u16,
    /// Where other sidecars reach this one.
    pub dapr_internal_port: u16,
    /// Where the sidecar's own metrics are.
    pub metrics_port: u16,
    /// What a caller of the sidecar shows (`dapr-api-token`).
    pub dapr_api_token: String,
    /// What the sidecar shows to the app (`dapr-api-token`).
    pub app_api_token: String,
    /// What the app prints.
    pub log: PathBuf,
    /// What the sidecar prints.
    pub daprd_log: PathBuf,
}

impl Instance {
    /// The app's part: `tasks`, and `tasks-1` for the second instance.
    pub fn part(&self) -> String {
        part_name(&self.app, self.index)
    }

    /// The sidecar's part: `tasks-daprd`, `tasks-1-daprd`.
    pub fn daprd_part(&self) -> String {
        format!("{}-daprd", self.part())
    }
}

pub(crate) fn part_name(app: &str, index: u16) -> String {
    if index == 0 { app.to_owned() } else { format!("{app}-{index}") }
}
