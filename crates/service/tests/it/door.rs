//! The two doors that are not for the public.

use axum::http::Method;
use contracts::token::internal_scope;

use crate::ground::{count_effects, delivered, event, id, shared};
use crate::issuer::{app, person};

#[tokio::test]
async fn the_sidecars_routes_are_for_the_own_sidecar_speaking_for_itself() {
    let ground = shared().await;
    let wrong = "x".repeat(43);
    for (method, path) in
        [("POST", "/events/task-events"), ("POST", "/jobs/tick"), ("GET", "/dapr/subscribe"), ("POST", "/events/nothing")]
    {
        let event = delivered(&event("good"));
        for headers in [vec![], vec![("dapr-api-token", "")], vec![("dapr-api-token", wrong.as_str())]] {
            let answer = ground.ask(method, path, &headers, event.clone()).await;
            assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("unauthorized")), "{path}: {}", answer.body);
        }
        // Through the sidecars of two apps: the callee's own adds the right token.
        let token = format!("Bearer {}", ground.token());
        for headers in
            [vec![], vec![("authorization", token.as_str())], vec![("dapr-caller-app-id", "tasks"), ("dapr-callee-app-id", "")]]
        {
            let answer = ground.forwarded(method, path, &headers, &event).await;
            assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")), "{path}: {}", answer.body);
        }
    }
    let event = event("good");
    assert_eq!(ground.as_sidecar("/jobs/tick", "").await.body, "ticked");
    assert_eq!(ground.as_sidecar("/events/task-events", delivered(&event)).await.json()["status"], "SUCCESS");
    assert_eq!(count_effects(&ground, id(&event)).await, 1);
}

#[tokio::test]
async fn the_apps_routes_want_a_token_of_an_app_for_this_app() {
    let ground = shared().await;
    let key = &ground.issuer.key;
    let scope = internal_scope("tasks");
    let good = format!("Bearer {}", key.sign(&app("web", &scope)));
    // Past our sidecar there is no way in, whatever one shows.
    let direct = ground.ask("POST", "/internal/poke", &[("authorization", &good)], "").await;
    assert_eq!(direct.status, 401, "{}", direct.body);
    assert_eq!(ground.forwarded("POST", "/internal/poke", &[], "").await.status, 401);
    for (why, claims) in [
        ("a person's", person()),
        ("a person's with the scope", contracts::token::Claims { scope: format!("user {scope}"), ..person() }),
        ("an operator's", contracts::token::Claims { scope: "user ops".into(), ..person() }),
        ("for another app", app("web", &internal_scope("reminders"))),
        ("a longer name", app("web", "internal:tasks2")),
        ("no scope", app("web", "")),
    ] {
        let token = format!("Bearer {}", key.sign(&claims));
        let answer = ground.forwarded("POST", "/internal/poke", &[("authorization", &token)], "").await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("forbidden")), "{why}: {}", answer.body);
    }
    let answer = ground.forwarded("POST", "/internal/poke", &[("authorization", &good)], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "web"));
    assert_eq!(ground.forwarded("POST", "/internal/nothing", &[("authorization", &good)], "").await.status, 404);
}

#[tokio::test]
async fn an_app_calls_another_with_a_token_that_it_fetches_once() {
    let ground = shared().await;
    // As notifications, whose sidecar this is.
    let internal = service::internal::Internal::new(ground.sidecar("notifications"), "notifications");
    for _ in 0..3 {
        let answer = internal.call("tasks", Method::POST, &["poke"], None::<&()>).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"notifications"[..]));
    }
    assert_eq!(internal.call("tasks", Method::POST, &["nothing"], None::<&()>).await.unwrap().status, 404);
}
