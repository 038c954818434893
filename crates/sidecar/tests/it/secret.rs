//! Secrets: each app reads its own and nobody else's.

use sidecar::Error;

use crate::ground::shared;

#[tokio::test]
async fn a_secret_comes_with_all_its_keys() {
    let ground = shared().await;
    let secret = ground.sidecar("identity").secret("secretstore", "outrigger-jwt").await.unwrap();
    assert_eq!(secret["private-key"], ground.stack.secrets()["outrigger-jwt"]["private-key"]);
    assert_eq!(secret["public-key"], ground.stack.secrets()["outrigger-jwt"]["public-key"]);
}

#[tokio::test]
async fn what_is_missing_or_not_for_this_app_is_refused() {
    let ground = shared().await;
    let missing = ground.sidecar("identity").secret("secretstore", "nothing").await.unwrap_err();
    assert!(matches!(missing, Error::Refused { .. }), "{missing}");
    for foreign in ["outrigger-jwt", "outrigger-db-tasks"] {
        let error = ground.sidecar("tasks").secret("secretstore", foreign).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
        assert!(!error.to_string().contains("postgres://"));
    }
}
