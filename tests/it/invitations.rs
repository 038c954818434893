//! Invitations: a code lets one more person into a tenant, once, as long as it is open; and who is in a tenant is seen by its people alone.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use http::Method;
use serde_json::{Value, json};
use tests::database::Database;
use tests::zipkin::Trace;
use tests::{Answer, Person, Suite, eventually, story_of};
use uuid::Uuid;

/// Logs and spans are written in the background.
const SOON: Duration = Duration::from_secs(60);
/// How many sign up at once by one code.
const AT_ONCE: usize = 5;

/// Runs a story of somebody who signed up: whoever invites has to be somebody.
async fn story(tell: impl AsyncFnOnce(Suite, Person) -> Result<()>) -> Result<()> {
    story_of(Person::signed_up(Suite::shared().await?).await?, tell).await
}

/// An address that nobody has.
pub(crate) fn address() -> String {
    format!("{}@example.com", Uuid::new_v4().simple())
}

/// The time.
fn now() -> chrono::DateTime<chrono::Utc> {
    std::time::SystemTime::now().into()
}

/// What was answered to an invitation.
pub(crate) async fn invite(person: &Person, body: &Value) -> Result<Value> {
    let answer = person.post("/invitations", body).await?;
    ensure!(answer.header("cache-control") == "no-store", "{:?}", answer.headers);
    Ok(answer.is(201)?.json())
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("no text: {value}"))
}

/// Signs somebody up, by an invitation if there is one. Where many hash a password at once, one is told to come again.
pub(crate) async fn sign_up(suite: &Suite, email: &str, name: &str, invitation: Option<&str>) -> Result<Answer> {
    let mut body = json!({ "email": email, "display_name": name, "password": "correct horse battery" });
    if let Some(code) = invitation {
        body["invitation"] = json!(code);
    }
    let nobody = suite.person()?;
    eventually("there is a turn for a password", SOON, async || {
        let answer = nobody.post("/auth/signup", &body).await?;
        Ok((answer.status != 429).then_some(answer))
    })
    .await
}

/// Whoever signed up, with a token.
pub(crate) fn known(suite: &Suite, account: &Value) -> Result<Person> {
    let id = |field: &str| serde_json::from_value(account[field].clone());
    Person { user_id: id("user_id")?, tenant_id: id("tenant_id")?, ..suite.person()? }.with_token(|_| {})
}

/// Names in a list of people, in its order.
async fn names(person: &Person, query: &str) -> Result<Vec<String>> {
    let people = person.get(&format!("/people{query}")).await?.is(200)?.json();
    let items = people["items"].as_array().context("items")?;
    items.iter().map(|each| Ok(text(&each["display_name"])?.to_owned())).collect()
}

/// A refusal that names this field alone and says nothing of who has invited whom; and nobody has the address.
async fn refused(suite: &Suite, email: &str, code: &str, field: &str) -> Result<()> {
    let answer = sign_up(suite, email, "Eve", Some(code)).await?;
    ensure!(answer.is(422)?.fields() == [field], "{}", answer.body);
    ensure!(!answer.body.contains(code) && !answer.body.contains("example.com"), "{}", answer.body);
    let made = "select count(*) from identity.users where email = $1";
    ensure!(Database::of(suite).await?.count(made, &[&email]).await? == 0, "{email} was made");
    Ok(())
}

#[tokio::test]
async fn flow_who_is_invited_joins_the_tenant_and_they_see_each_other_and_no_tasks() -> Result<()> {
    story(async |suite, ada| {
        let (grace, link) = (address(), suite.url("/app/sign-up?invitation="));
        let made = invite(&ada, &json!({ "email": format!(" {} ", grace.to_uppercase()) })).await?;
        let code = text(&made["code"])?;
        ensure!(code.len() == 43 && text(&made["link"])? == format!("{link}{code}"), "{made}");
        let instant = |name: &str| Ok::<_, anyhow::Error>(text(&made[name])?.parse::<chrono::DateTime<chrono::Utc>>()?);
        ensure!((instant("expires_at")? - instant("created_at")?).num_days() == 7 && made["email"] == grace.as_str(), "{made}");

        // Open until it is used, without its code; listed with who invited.
        let open = ada.get("/invitations").await?.is(200)?.json();
        ensure!(open["total"] == 1 && open["has_more"] == false && !open.to_string().contains(code), "{open}");
        let shown = json!({ "id": made["id"], "email": grace, "user_id": ada.user_id });
        for (field, value) in shown.as_object().into_iter().flatten() {
            ensure!(open["items"][0][field] == *value, "{field}: {open}");
        }
        let joined = known(&suite, &sign_up(&suite, &grace, "grace", Some(code)).await?.is(201)?.json())?;
        ensure!(joined.tenant_id == ada.tenant_id && joined.user_id != ada.user_id, "the tenant is {}", joined.tenant_id);
        ensure!(ada.get("/invitations").await?.is(200)?.json()["total"] == 0, "it was used, and is open all the same");
        // Whose answer was lost comes again, and is told that there is an account.
        let again = sign_up(&suite, &grace, "grace", Some(code)).await?;
        ensure!(again.is(409)?.fields() == ["email"], "{}", again.body);

        // By name in any letters, on both sides; tasks stay their owner's.
        let other = invite(&joined, &json!({})).await?;
        let hedy = sign_up(&suite, &address(), "Hedy", Some(text(&other["code"])?)).await?.is(201)?.json();
        for person in [&ada, &joined, &known(&suite, &hedy)?] {
            ensure!(names(person, "").await? == ["Ada", "grace", "Hedy"], "{:?}", names(person, "").await?);
        }
        let page = ada.get("/people?limit=1&offset=1").await?.is(200)?.json();
        ensure!(page["total"] == 3 && page["has_more"] == true && page["items"][0]["email"] == grace.as_str(), "{page}");
        let keys: BTreeSet<&str> = page["items"][0].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        ensure!(keys == BTreeSet::from(["id", "display_name", "email", "created_at"]), "{page}");
        let task = ada.create_task(&json!({ "title": "Mine" })).await?;
        joined.get(&format!("/tasks/{}", task.id)).await?.is(404)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_code_lets_one_in_also_of_several_who_come_at_once() -> Result<()> {
    story(async |suite, ada| {
        let made = invite(&ada, &json!({})).await?;
        let code = text(&made["code"])?;
        let emails: Vec<String> = (0..AT_ONCE).map(|_| address()).collect();
        let answers = try_join_all(emails.iter().map(|email| sign_up(&suite, email, "Grace", Some(code)))).await?;
        let mut came: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        came.sort_unstable();
        ensure!(came == [201, 422, 422, 422, 422], "a code lets one in, and these came: {came:?}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            ensure!(answer.fields() == ["invitation"], "{}", answer.body);
        }
        let database = Database::of(&suite).await?;
        let in_tenant = "select count(*) from identity.users where tenant_id = $1";
        ensure!(database.count(in_tenant, &[&ada.tenant_id]).await? == 2, "who came in");
        let made = "select count(*) from identity.users where email = any ($1)";
        ensure!(database.count(made, &[&emails]).await? == 1, "who was made");
        let told = "select count(*) from identity.outbox_events where payload -> 'user' ->> 'email' = any ($1)";
        ensure!(database.count(told, &[&emails]).await? == 1, "of whom is told");
        refused(&suite, &address(), code, "invitation").await
    })
    .await
}

#[tokio::test]
async fn contract_a_code_that_is_not_open_and_another_address_are_refused_by_their_field_and_make_nobody() -> Result<()> {
    story(async |suite, ada| {
        let database = Database::of(&suite).await?;
        let grace = address();
        let made = invite(&ada, &json!({ "email": grace })).await?;
        let code = text(&made["code"])?;
        let kept = "select count(*) from identity.invitations n where tenant_id = $1 and position($2 in n::text) = 0";
        ensure!(database.count(kept, &[&ada.tenant_id, &code]).await? == 1, "the code itself is kept");

        refused(&suite, &address(), code, "email").await?;
        refused(&suite, &grace, &code.chars().rev().collect::<String>(), "invitation").await?;
        refused(&suite, &grace, "nothing", "invitation").await?;
        // An address in use leaves it open: who has an account has to be told so.
        let taken = address();
        sign_up(&suite, &taken, "Taken", None).await?.is(201)?;
        let to_taken = invite(&ada, &json!({ "email": taken })).await?;
        let answer = sign_up(&suite, &taken, "Taken", Some(text(&to_taken["code"])?)).await?;
        ensure!(answer.is(409)?.fields() == ["email"], "{}", answer.body);
        ensure!(ada.get("/invitations").await?.is(200)?.json()["total"] == 2, "an invitation was used up");

        // Ended: the day it is over comes sooner.
        let sooner = "update identity.invitations set expires_at = now() - ($2::text)::interval where id = ($1::text)::uuid";
        let ended = invite(&ada, &json!({})).await?;
        database.client().execute(sooner, &[&text(&ended["id"])?, &"1 second"]).await?;
        refused(&suite, &grace, text(&ended["code"])?, "invitation").await?;
        ada.delete(&format!("/invitations/{}", text(&ended["id"])?)).await?.is(404)?;

        // Revoked, by anyone of the tenant, once.
        let path = format!("/invitations/{}", text(&made["id"])?);
        let colleague = suite.person()?.with_token(|claims| claims.tenant_id = Some(ada.tenant_id))?;
        colleague.delete(&path).await?.is(204)?;
        refused(&suite, &grace, code, "invitation").await?;
        ada.delete(&path).await?.is(404)?;
        let open = ada.get("/invitations").await?.is(200)?.json();
        ensure!(open["total"] == 1 && open["items"][0]["id"] == to_taken["id"], "{open}");

        // A month after its end it is gone. The clock of the purge is an hour's; the administrator runs its statement as it is shipped.
        database.client().execute(sooner, &[&text(&ended["id"])?, &"30 days 1 second"]).await?;
        let purge = std::fs::read_to_string(crate::workspace::root()?.join("apps/identity/src/store/purge.sql"))?;
        database.client().batch_execute("set search_path = identity").await?;
        database.client().query(&purge, &[&json!({ "now": now() })]).await?;
        let left = "select count(*) from identity.invitations where tenant_id = $1";
        ensure!(database.count(left, &[&ada.tenant_id]).await? == 2, "what ended a month ago is still there, or another is gone");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_another_tenant_sees_neither_people_nor_invitations() -> Result<()> {
    story(async |suite, ada| {
        let path = format!("/invitations/{}", text(&invite(&ada, &json!({})).await?["id"])?);
        let eve = Person::signed_up(suite.anew()?).await?;
        ensure!(names(&eve, "").await? == ["Ada"], "everybody is called Ada; there is one in this tenant");
        ensure!(eve.get("/people").await?.json()["items"][0]["id"] == json!(eve.user_id), "another tenant's people");
        ensure!(eve.get("/invitations").await?.is(200)?.json()["items"] == json!([]), "another tenant's invitations");
        eve.delete(&path).await?.is(404)?;
        ensure!(ada.get("/invitations").await?.is(200)?.json()["total"] == 1, "it was revoked all the same");
        // A token that names a tenant its person is not of invites nobody into it.
        let confused = eve.with_token(|claims| claims.tenant_id = Some(ada.tenant_id))?;
        confused.post("/invitations", &json!({})).await?.is(404)?;
        suite.settled(&[eve.tenant_id]).await
    })
    .await
}

/// The link's code goes no further than the gateway, which hands it on in a header. Seen red: with the query handed on as well.
#[tokio::test]
async fn contract_an_invitations_code_stands_in_no_log_line_and_in_no_span() -> Result<()> {
    story(async |suite, ada| {
        let made = invite(&ada, &json!({})).await?;
        let code = text(&made["code"])?;
        let trace_id = Uuid::new_v4().simple().to_string();
        let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
        let headers = [("traceparent", traceparent.as_str()), ("x-correlation-id", trace_id.as_str())];
        let page = ada.send(Method::GET, &format!("/app/sign-up?invitation={code}"), &headers, None).await?;
        ensure!(page.is(200)?.body.contains(&format!("name=\"invitation\" value=\"{code}\"")), "{}", page.body);
        eventually("every span of the page is there", SOON, async || {
            let trace = Trace::read(&suite, &trace_id).await?;
            let (gateway, web) = (trace.find("gateway", "get /app/sign-up"), trace.find("web", "get /app/sign-up"));
            // What a sidecar says of the call is where the code would stand.
            let told = trace.spans.iter().any(|span| span.tags.values().any(|tag| tag.contains("/app/sign-up")));
            ensure!(gateway.is_some() && web.is_some() && told, "{}", trace.outline());
            Ok(Some(()))
        })
        .await?;
        let zipkin = suite.stack().zipkin_url().context("Zipkin is on")?;
        let said = suite.client().get(format!("{zipkin}/api/v2/trace/{trace_id}")).send().await?.text().await?;
        ensure!(!said.contains(code), "a span tells the code: {said}");
        sign_up(&suite, &address(), "Grace", Some(code)).await?.is(201)?;
        eventually("both doors have written their line", SOON, async || {
            let mut lines = BTreeSet::new();
            for entry in std::fs::read_dir(suite.stack().run_dir().join("logs"))? {
                let path = entry?.path();
                let log = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                ensure!(!log.contains(code), "{name} tells the code");
                if log.lines().any(|line| line.contains(&trace_id) && line.contains("/app/sign-up")) {
                    lines.insert(name);
                }
            }
            let by = |app: &str| lines.iter().any(|name| name.starts_with(app));
            Ok((by("gateway") && by("web")).then_some(()))
        })
        .await
    })
    .await
}
