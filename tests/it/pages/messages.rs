//! Conversations on their pages: what one says the other sees and reads, with script at once, without it by plain forms; nobody else finds it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::Suite;
use tests::database::Database;
use tests::eventually;
use tests::page::{Account, Browser, PASSWORD, PATIENCE, Setup, browse};
use uuid::Uuid;

use super::as_somebody;
use super::forms::Forms;
use super::layout::look;

/// What would be markup, and a letter that is none of ASCII's.
const SAID: &str = "Is <b>this</b> the \u{3a9}?";

/// Somebody whom the first has invited.
async fn teammate(suite: &Suite, first: &Account) -> Result<Account> {
    let code = first.person.post("/invitations", &json!({})).await?.is(201)?.json()["code"].clone();
    let email = format!("ben.{}@example.com", Uuid::new_v4().simple());
    let body = json!({ "email": email, "display_name": "Ben", "password": PASSWORD, "timezone": "UTC", "invitation": code });
    suite.person()?.post("/auth/signup", &body).await?.is(201)?;
    let other = Account::known(suite, email).await?;
    let (database, ids) = (Database::of(suite).await?, [first, &other].map(|account| account.person.user_id.to_string()));
    let known = "select count(*) from messaging.people where user_id in ($1::text::uuid, $2::text::uuid)";
    eventually("both are known", PATIENCE, async || Ok((database.count(known, &[&ids[0], &ids[1]]).await? == 2).then_some(())))
        .await?;
    Ok(other)
}

/// A conversation that the first begins with the other, by the form of the page; its path. Sent twice it is one.
async fn begin(suite: &Suite, first: &Account, other: &Account) -> Result<String> {
    let forms = Forms::sign_in(suite, &first.email).await?;
    let page = forms.get("/app/messages").await?;
    let fields = [("csrf", page.hidden("csrf")?), ("key", page.hidden("key")?)];
    let nobody = forms.post("/app/messages", &fields).await?;
    ensure!(nobody.status == 422 && nobody.text.contains("Choose at least one person."), "{nobody:?}");
    let fields = [fields.to_vec(), vec![("with", other.person.user_id.to_string()), ("title", String::new())]].concat();
    let begun = forms.post("/app/messages", &fields).await?;
    ensure!(begun.status == 303 && begun.location.starts_with("/app/messages/"), "{begun:?}");
    ensure!(forms.post("/app/messages", &fields).await?.location == begun.location, "twice sent it is one");
    Ok(begun.location)
}

/// What was said there, in its order.
async fn stored(account: &Account, path: &str) -> Result<Vec<String>> {
    let id = path.rsplit('/').next().context("an id")?;
    let page = account.person.get(&format!("/v1/conversations/{id}/messages")).await?.is(200)?.json();
    Ok(page["items"].as_array().into_iter().flatten().filter_map(|each| Some(each["content"].as_str()?.to_owned())).collect())
}

async fn signs_in(browser: &Browser, account: &Account) -> Result<()> {
    browser.goto("/app").await?;
    account.sign_in(browser).await?;
    browser.arrives("/app").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_what_one_says_the_other_sees_at_once_and_it_is_seen_that_they_read_it() -> Result<()> {
    as_somebody("messages-ada", Setup::default(), async |suite, ada, account| {
        ada.goto("/app/messages").await?;
        ada.reads("#conversations .empty", "No conversations yet.").await?;
        let ben = teammate(suite, account).await?;
        let path = begin(suite, account, &ben).await?;
        browse(suite, "messages-ben", Setup::default(), async |other| {
            signs_in(other, &ben).await?;
            ada.click("#conversations .name").await?;
            ada.arrives(&path).await?;
            they_talk(ada, other, &path).await?;
            let said = stored(account, &path).await?;
            ensure!(said == [SAID, "Yes.\nAll of it."], "{said:?}");
            away(ada, other).await
        })
        .await?;
        browse(suite, "messages-cleo", Setup::default(), async |stranger| {
            Account::sign_up(stranger, suite).await?;
            stranger.forgives("status of 404");
            stranger.goto(&path).await?;
            stranger.reads("h1", "There is nothing here").await
        })
        .await?;
        ada.goto("/app/messages").await?;
        look(ada, "conversations").await?;
        ada.measures(1280, 900).await?;
        ada.goto(&path).await?;
        ada.click("#who summary").await?;
        look(ada, "a conversation").await
    })
    .await
}

async fn they_talk(ada: &Browser, other: &Browser, path: &str) -> Result<()> {
    // Enter sends.
    ada.types("#content", &format!("{SAID}\u{e007}")).await?;
    ada.reads("#said .said", SAID).await?;
    ensure!(ada.value("#content").await?.is_empty(), "the field is free for the next");
    ada.sees_no("#said .badge").await?;

    // The other is told wherever they are, and sees it without a reload.
    other.reads("#unread-messages", "1").await?;
    other.click(".nav a[href='/app/messages']").await?;
    other.reads("#conversations .count", "1").await?;
    other.reads("#conversations .note p", SAID).await?;
    other.click("#conversations .name").await?;
    other.arrives(path).await?;
    other.reads("#said .said", SAID).await?;
    ensure!(other.js::<u32>("return document.querySelectorAll('main b').length", ()).await? == 0, "no markup");
    ada.reads("#said .badge", "Read").await?;
    other.sees_no("#unread-messages").await?;
    other.sees_no("#mark-read").await?;

    // Shift and Enter break the line.
    other.types("#content", "Yes.\u{e008}\u{e007}\u{e000}All of it.\u{e007}").await?;
    ada.reads("#said li:last-child .said", "Yes.\nAll of it.").await?;
    ada.reads("#said li:last-child strong", "Ben").await?;
    other.reads("#said li:last-child strong", "You").await?;
    other.reads("#said li:last-child .badge", "Read").await?;
    for browser in [ada, other] {
        browser.goto(path).await?;
        let said = browser.texts("#said .said").await?;
        ensure!(said == [SAID, "Yes.\nAll of it."], "each once, in order: {said:?}");
    }
    Ok(())
}

/// What could not be sent stays in the field and says so; then it is sent once.
async fn away(ada: &Browser, other: &Browser) -> Result<()> {
    let line = async |offline: bool| {
        let none = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        ada.devtools("Network.emulateNetworkConditions", none).await
    };
    for expected in ["ERR_INTERNET_DISCONNECTED", "WebSocket connection to"] {
        ada.forgives(expected);
    }
    ada.devtools("Network.enable", Value::Object(serde_json::Map::new())).await?;
    line(true).await?;
    ada.types("#content", "From the train\u{e007}").await?;
    ada.reads("#say .form-status", "The server cannot be reached. Nothing was lost; try again.").await?;
    ensure!(ada.value("#content").await? == "From the train", "kept");
    ensure!(ada.texts("#sending li").await?.is_empty(), "and nothing looks sent");
    line(false).await?;
    ada.click("#say .primary").await?;
    ada.reads("#said li:last-child .said", "From the train").await?;
    other.reads("#said li:last-child .said", "From the train").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_messages_are_plain_forms_and_sent_twice_one_message() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("messages-plain", setup, async |suite, ada, account| {
        let ben = teammate(suite, account).await?;
        let path = begin(suite, account, &ben).await?;
        ada.goto("/app/messages").await?;
        ada.click("#conversations .name").await?;
        ada.types("#content", SAID).await?;
        ada.click("#say .primary").await?;
        ada.reads("#said .said", SAID).await?;
        ada.arrives(&path).await?;

        let forms = Forms::sign_in(suite, &ben.email).await?;
        let list = forms.get("/app/messages").await?;
        ensure!(list.text.contains("Is &#60;b&#62;this&#60;/b&#62;") && !list.text.contains("<b>"), "{}", list.text);
        let page = forms.get(&path).await?;
        ensure!(page.text.contains("Mark as read") && stored(account, &path).await?.len() == 1, "{}", page.text);
        ada.goto(&path).await?;
        ada.sees_no("#said .badge").await?;
        let csrf = page.hidden("csrf")?;
        ensure!(forms.post(&format!("{path}/read"), &[("csrf", csrf.clone())]).await?.status == 303, "back to it");
        ada.goto(&path).await?;
        ada.reads("#said .badge", "Read").await?;

        let fields = [("csrf", csrf), ("id", page.hidden("id")?), ("content", "Twice\r\nsent".to_owned())];
        let (one, two) = tokio::join!(forms.post(&path, &fields), forms.post(&path, &fields));
        ensure!([one?.status, two?.status].contains(&303) && forms.post(&path, &fields).await?.status == 303, "taken");
        let said = stored(account, &path).await?;
        ensure!(said == [SAID, "Twice\nsent"], "{said:?}");
        let empty = forms.post(&path, &[fields[0].clone(), ("id", Uuid::new_v4().to_string()), ("content", " ".into())]).await?;
        ensure!(empty.status == 422 && empty.text.contains("Message must say something."), "{empty:?}");

        ada.click("#who summary").await?;
        ada.click("#leave button").await?;
        ada.arrives("/app/messages").await?;
        ada.reads("#conversations .empty", "No conversations yet.").await?;
        ensure!(forms.get(&path).await?.status == 200, "the other is still there");
        ada.forgives("status of 404");
        ada.goto(&path).await?;
        ada.reads("h1", "There is nothing here").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_a_conversation_is_begun_with_people_of_the_team_and_somebody_is_brought_in() -> Result<()> {
    as_somebody("messages-begin", Setup::default(), async |suite, ada, account| {
        ada.forgives("status of 422");
        ada.goto("/app/messages").await?;
        ada.reads("#begin", "Nobody else is in your team yet").await?;
        let (ben, cleo) = (teammate(suite, account).await?, teammate(suite, account).await?);
        ada.goto("/app/messages").await?;
        ada.types("#called", "Launch").await?;
        ada.click("#begin .primary").await?;
        ada.reads("#with-wrong", "Choose at least one person.").await?;
        ensure!(ada.value("#called").await? == "Launch", "what was typed is kept");
        ada.click(&format!("#begin [value='{}']", ben.person.user_id)).await?;
        look(ada, "a conversation to begin").await?;
        ada.measures(1280, 900).await?;
        ada.click("#begin .primary").await?;
        ada.reads("h1", "Launch").await?;
        ada.reads("#who summary", "You, Ben").await?;
        ada.click("#who summary").await?;
        look(ada, "somebody to bring in").await?;
        ada.measures(1280, 900).await?;
        ada.chooses("#member", &cleo.person.user_id.to_string()).await?;
        ada.click("#add button").await?;
        ada.reads("#who summary", "You, Ben, Ben").await?;
        ada.sees_no("#add").await
    })
    .await
}
