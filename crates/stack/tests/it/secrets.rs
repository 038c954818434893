//! What an app may read by its sidecar, and what is nobody's but identity's.

use crate::support::{Folder, options, sidecar, start};

#[tokio::test]
async fn only_identity_reads_the_signing_key_and_no_app_reads_passwords() {
    let folder = Folder::new();
    let stack = start(options(&folder, &["identity", "tasks"])).await;
    let read = async |app: &str, secret: &str| {
        let instance = stack.instance(app, 0).unwrap();
        sidecar(instance, "GET", &format!("/v1.0/secrets/secretstore/{secret}"), "").await.unwrap()
    };
    let (status, body) = read("identity", "outrigger-jwt").await;
    assert!(status == 200 && body.contains("BEGIN PRIVATE KEY"), "{status}");
    assert_eq!(read("tasks", "outrigger-jwt").await.0, 403);
    assert_eq!(read("identity", "outrigger-clients").await.0, 200);
    assert_eq!(read("tasks", "outrigger-clients").await.0, 403);
    assert_eq!(read("tasks", "outrigger-client-identity").await.0, 403, "no app can pose as another");
    for app in ["identity", "tasks"] {
        assert_eq!(read(app, &format!("outrigger-client-{app}")).await.0, 200);
        for secret in ["outrigger-db-tasks", "outrigger-redis", "outrigger-smtp"] {
            assert_eq!(read(app, secret).await.0, 403, "{app} {secret}");
        }
    }
    let (_, bulk) = read("tasks", "bulk").await;
    assert!(!bulk.contains("PRIVATE KEY") && !bulk.contains("postgres://"), "{bulk}");
    stack.shutdown().await.unwrap();
}
