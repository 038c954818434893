//! A person is told on the channels that are on, and on no other.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Map, Value, json};
use tests::socket::Socket;

use super::{Reader, suite};
use crate::reminders::{TOLD, shows};

#[tokio::test]
async fn flow_each_of_the_eight_combinations_of_channels_tells_on_those_and_no_other() -> Result<()> {
    let Some(suite) = suite().await? else { return Ok(()) };
    let people = (0..8).map(|bits| {
        let (suite, switches) = (&suite, [bits & 1 > 0, bits & 2 > 0, bits & 4 > 0]);
        async move {
            let reader = Reader::new(suite, switches).await?;
            let task = reader.remind_now("Submit report").await?;
            anyhow::Ok((switches, reader, task))
        }
    });
    let people = try_join_all(people).await?;
    for (switches, reader, task) in &people {
        let [in_app, email, sms] = *switches;
        // Who wants to be told nowhere cannot be told.
        let ended = if switches.contains(&true) { "delivered" } else { "failed" };
        let list = shows(&reader.person, *task, TOLD, &[(1, ended)]).await.with_context(|| format!("{switches:?}"))?;
        let results: Map<_, _> = [("in_app", in_app), ("email", email), ("sms", sms)]
            .into_iter()
            .filter(|(_, on)| *on)
            .map(|(name, _)| (name.to_owned(), json!("sent")))
            .collect();
        ensure!(list[0]["channel_results"] == json!(results), "{switches:?}: {}", list[0]);
    }
    // After the last of them is done: what came too much would be there by now.
    for (switches, reader, _) in &people {
        let told = [reader.notes().await?.len(), reader.mails().len(), reader.texts().len()];
        ensure!(told == switches.map(usize::from), "{switches:?}: {told:?}");
    }
    let tenants: Vec<_> = people.iter().map(|(_, reader, _)| reader.person.tenant_id).collect();
    suite.settled(&tenants).await
}

#[tokio::test]
async fn flow_what_was_told_in_the_page_waits_there_in_pages_until_it_is_read() -> Result<()> {
    let Some(suite) = suite().await? else { return Ok(()) };
    let reader = Reader::new(&suite, [true, false, false]).await?;
    let person = &reader.person;
    // Nobody looks while the first two are told; a page that is open hears of the third at once.
    for title in ["first", "second"] {
        let task = reader.remind_now(title).await?;
        shows(person, task, TOLD, &[(1, "delivered")]).await?;
    }
    let mut socket = Socket::open(person).await?;
    let third = reader.remind_now("third").await?;
    let is_third = |frame: &Value| frame["change"] == "notification" && frame["task_id"] == json!(third);
    let frame = socket.next(TOLD, is_third).await?;
    ensure!(frame["notification"]["title"] == "third", "{frame}");

    let page = async |query: &str| anyhow::Ok(person.get(&format!("/notifications{query}")).await?.is(200)?.json());
    let titles = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["title"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let (newest, oldest) = (page("?limit=2").await?, page("?limit=2&offset=2").await?);
    ensure!(titles(&newest) == ["third", "second"] && titles(&oldest) == ["first"], "{newest} {oldest}");
    ensure!(newest["has_more"] == true && oldest["has_more"] == false && newest["total"] == 3, "{newest} {oldest}");
    ensure!(newest["items"][0] == frame["notification"], "the page was shown {frame}, the list has {newest}");

    let read = newest["items"][1]["id"].as_str().context("an id")?;
    for _ in 0..2 {
        person.post(&format!("/notifications/{read}/read"), &json!({})).await?.is(204)?;
    }
    let unread = page("?unread=true").await?;
    ensure!(titles(&unread) == ["third", "first"] && unread["unread_count"] == 2, "{unread}");
    ensure!(page("").await?["unread_count"] == 2 && page("").await?["total"] == 3, "what was read stays in the list");

    // All that was shown is read at once; what came meanwhile, or is somebody else's, is not.
    let stranger = Reader::new(&suite, [true, false, false]).await?;
    let shown = json!({ "until": oldest["items"][0]["created_at"] });
    let theirs = stranger.person.post("/notifications/read", &json!({ "until": newest["items"][0]["created_at"] })).await?;
    ensure!(theirs.is(200)?.json()["read"] == 0, "nobody else's");
    for read in [1, 0] {
        ensure!(person.post("/notifications/read", &shown).await?.is(200)?.json()["read"] == read);
    }
    let unread = page("?unread=true").await?;
    ensure!(titles(&unread) == ["third"], "{unread}");
    suite.settled(&[person.tenant_id]).await
}
