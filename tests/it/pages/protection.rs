//! What keeps pages and forms their owner's: cookies, form tokens, the origin, and which pages are open.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::Suite;
use tests::page::{PASSWORD, Setup};
use uuid::Uuid;

use super::forms::Forms;
use super::{as_somebody, only_task};

/// The pages for anyone, as it was decided; every other one leads to the sign-in page.
const OPEN: [&str; 5] = ["/", "/app/sign-in", "/app/sign-out", "/app/sign-up", "/app/static/{name}"];

/// Every address of web's route table, read from where it is written.
fn routes() -> Result<BTreeSet<String>> {
    let root = stack::find_root(std::path::Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let text = std::fs::read_to_string(root.join("apps/web/src/http.rs"))?;
    let found: BTreeSet<String> =
        text.split(".route(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect();
    ensure!(found.len() > 15, "the table is read: {found:?}");
    Ok(found)
}

#[tokio::test]
async fn page_every_page_but_the_open_ones_leads_to_sign_in() -> Result<()> {
    let suite = Suite::shared().await?;
    let routes = routes()?;
    for open in OPEN {
        ensure!(routes.contains(open), "{open} is not in the table");
    }
    for route in routes.iter().filter(|route| !route.contains("{*")) {
        let nobody = Forms::new(&suite);
        let path = route.replace("{id}", &Uuid::now_v7().to_string()).replace("{reminder}", &Uuid::now_v7().to_string());
        let read = nobody.get(&path).await?;
        let sent = nobody.post(&path, &[("title", "x".to_owned()), ("csrf", "x".to_owned())]).await?;
        let leads = |page: &super::forms::Page| page.status == 303 && page.location.starts_with("/app/sign-in");
        if OPEN.contains(&route.as_str()) {
            ensure!(!leads(&read), "{route} is open: {read:?}");
        } else {
            // An address that only takes forms, or none, has nothing to show either way.
            ensure!(leads(&read) || read.status == 405, "{route} leads to {} {}", read.status, read.location);
            ensure!(leads(&sent) || sent.status == 405, "a form to {route} leads to {} {}", sent.status, sent.location);
            ensure!(leads(&read) || leads(&sent), "{route} takes nothing");
        }
    }
    let unknown = Forms::new(&suite).get("/app/no/such/page").await?;
    ensure!(unknown.status == 404, "{unknown:?}");
    let back = Forms::new(&suite).get("/app/history?page=2").await?;
    ensure!(back.location == "/app/sign-in?next=%2Fapp%2Fhistory%3Fpage%3D2", "{}", back.location);
    Ok(())
}

#[tokio::test]
async fn page_cookies_and_headers_keep_pages_ours() -> Result<()> {
    let suite = Suite::shared().await?;
    let forms = Forms::new(&suite);
    let page = forms.get("/app/sign-up").await?;
    let csrf = page.hidden("csrf")?;
    let email = format!("ada.{}@example.com", Uuid::new_v4().simple());
    let fields = [
        ("csrf", csrf),
        ("email", email),
        ("display_name", "Ada".into()),
        ("password", PASSWORD.into()),
        ("timezone", "UTC".into()),
    ];
    let signed_up = forms.post("/app/sign-up", &fields).await?;
    let cookie = signed_up.cookies.iter().find(|cookie| cookie.starts_with("session=")).context("a session")?;
    let parts: BTreeSet<&str> = cookie.split("; ").skip(1).collect();
    // No Secure: this suite is reached by http, and the cookie would not travel.
    ensure!(parts == BTreeSet::from(["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Lax"]), "{cookie}");
    let id = cookie.split([';', '=']).nth(1).unwrap_or_default();
    ensure!(id.len() >= 43 && !id.contains('.'), "256 opaque bits: {cookie}");

    for path in ["/", "/app", "/app/sign-in", "/app/history", "/app/no/such/page"] {
        let page = forms.get(path).await?;
        let header = |name: &str| page.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let policy = header("content-security-policy");
        ensure!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        ensure!(!policy.contains('*') && header("x-content-type-options") == "nosniff", "{path}: {policy}");
        ensure!(header("cache-control") == "no-store", "{path}: {}", header("cache-control"));
        ensure!(
            !page.text.contains("<script>") && !page.text.contains(" style=") && !page.text.contains("http://fonts"),
            "{path}"
        );
        ensure!(!page.text.contains("eyJ"), "{path} holds a token");
    }

    // Each page that opens asks for a token of the socket: it is no change, and takes nothing from those that a person may make.
    let csrf = forms.get("/app").await?.hidden("csrf")?;
    let token = forms.post("/app/socket-token", &[("csrf", csrf.clone())]).await?;
    ensure!(token.status == 200 && !token.headers.contains_key("ratelimit-limit"), "{token:?}");
    let changed = forms.post("/app/tasks", &[("csrf", csrf), ("title", "Counted".into())]).await?;
    ensure!(changed.status == 303 && changed.headers.contains_key("ratelimit-limit"), "{changed:?}");

    // Signing out ends the session itself, not only this browser's knowledge of it.
    let csrf = forms.get("/app").await?.hidden("csrf")?;
    let out = forms.post("/app/sign-out", &[("csrf", csrf)]).await?;
    ensure!(out.status == 303 && out.cookies.iter().any(|cookie| cookie.starts_with("session=;")), "{out:?}");
    let url = suite.url("/app");
    let again = suite.client().get(url).header("cookie", format!("session={id}")).send().await?;
    ensure!(again.status() == 303, "the old cookie still opens the list: {}", again.status());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_a_form_of_another_session_or_site_is_refused() -> Result<()> {
    as_somebody("forged-forms", Setup::default(), async |suite, browser, account| {
        let task = account.person.create_task(&json!({ "title": "Mine" })).await?;
        let mine = Forms::sign_in(suite, &account.email).await?;
        let csrf = mine.get("/app").await?.hidden("csrf")?;
        let open = Forms::new(suite).get("/app/sign-in").await?.hidden("csrf")?;
        // The same person's other session has another token, so a token that leaked from one is of no use in the other.
        let other = Forms::sign_in(suite, &account.email).await?.get("/app").await?.hidden("csrf")?;
        ensure!(csrf != other, "each session has its own token");
        let paths = ["", "/complete", "/priority", "/delete", "/reminders"].map(|end| format!("/app/tasks/{}{end}", task.id));
        let fields = |csrf: &str| {
            [
                ("csrf", csrf.to_owned()),
                ("title", "Theirs".to_owned()),
                ("priority", "low".to_owned()),
                ("number", "5".to_owned()),
                ("unit", "minutes".to_owned()),
            ]
        };
        // Everything with one form; with the others what tells most, since the writes of a minute are limited.
        for token in ["", "x", &open] {
            let page = mine.post(&paths[0], &fields(token)).await?;
            ensure!(page.status == 403, "with {token:?}: {} {}", page.status, page.location);
        }
        let strangers: [&[(&str, &str)]; 3] = [
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://localhost")],
        ];
        for headers in strangers {
            let page = mine.post_with(&paths[0], &fields(&csrf), headers).await?;
            ensure!(page.status == 403, "from {headers:?}: {}", page.status);
        }
        let others = ["/app/tasks", "/app/preferences", "/app/sign-out", "/app/socket-token"];
        for path in paths.iter().map(String::as_str).chain(others) {
            for (fields, site) in
                [(fields(&other).to_vec(), "same-origin"), (fields(&csrf).to_vec(), "cross-site"), (Vec::new(), "same-origin")]
            {
                let page = mine.post_with(path, &fields, &[("sec-fetch-site", site)]).await?;
                ensure!(page.status == 403, "{path} with {fields:?} from {site}: {} {}", page.status, page.location);
            }
        }
        let left = only_task(account, "Mine").await?;
        ensure!(left.version == task.version, "nothing was changed: {left:?}");

        // The same form, from here, is taken.
        let page = mine.post_with(&paths[1], &fields(&csrf), &[("sec-fetch-site", "same-origin")]).await?;
        ensure!(page.status == 303, "{page:?}");
        browser.goto("/app?status=completed").await?;
        browser.reads("#tasks .name", "Mine").await
    })
    .await
}
