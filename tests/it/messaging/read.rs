//! Reading: what is unread is right after every step, and who wrote sees when it was read.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::database::Database;
use tests::socket::Socket;
use tests::{Person, Suite, story};

use super::{SOON, begin, page, say, shown, team};

async fn read(person: &Person, conversation: &str) -> Result<Value> {
    Ok(person.post(&format!("/v1/conversations/{conversation}/read"), &json!({})).await?.is(200)?.json())
}

/// What each sees as unread is what a recount of the others' messages says.
async fn counts(suite: &Suite, people: &[Person], conversation: &str, wanted: &[i64]) -> Result<()> {
    let database = Database::of(suite).await?;
    for (person, wanted) in people.iter().zip(wanted) {
        let seen = shown(person, conversation).await?;
        let recount = "select count(*) from messaging.messages m join messaging.conversation_members r using (conversation_id)
            where conversation_id = $1::text::uuid and r.user_id = $2::text::uuid and m.sender_id <> r.user_id and m.sequence > r.last_read_sequence";
        let recount = database.count(recount, &[&conversation, &person.user_id.to_string()]).await?;
        ensure!(seen["unread_count"] == json!(wanted) && recount == *wanted, "wanted {wanted}, recount {recount}, shown {seen}");
    }
    Ok(())
}

#[tokio::test]
async fn flow_what_is_unread_is_right_after_each_step_and_the_sender_sees_it_read() -> Result<()> {
    story(async |suite, person| {
        let people = team(&suite, &person, 2).await?;
        let conversation = begin(&people).await?;
        let mut sender = Socket::open(&people[0]).await?;
        say(&people[0], &conversation, "one").await?.is(202)?;
        say(&people[0], &conversation, "two").await?.is(202)?;
        counts(&suite, &people, &conversation, &[0, 2, 2]).await?;
        // Who answers has read.
        say(&people[1], &conversation, "three").await?.is(202)?;
        counts(&suite, &people, &conversation, &[1, 0, 3]).await?;
        let status = async |n: usize| Ok::<_, anyhow::Error>(page(&people[0], &conversation, "").await?["items"][n]["status"].clone());
        ensure!(status(0).await? == "SENT", "not everybody has read it");
        let marked = read(&people[2], &conversation).await?;
        ensure!(marked["marked"] == 3 && marked["conversation_id"] == json!(conversation), "{marked}");
        counts(&suite, &people, &conversation, &[1, 0, 0]).await?;
        let frame = sender.next(SOON, |frame| frame["happening"] == "read").await?;
        ensure!(frame["actor_id"] == json!(people[2].user_id) && frame["up_to_sequence"] == 3, "{frame}");
        ensure!(status(0).await? == "READ" && status(1).await? == "READ" && status(2).await? == "SENT", "{}", status(2).await?);
        // A repeat marks nothing, and says nothing.
        ensure!(read(&people[2], &conversation).await?["marked"] == 0, "marked twice");
        ensure!(read(&people[0], &conversation).await?["marked"] == 1, "the first has one to read");
        ensure!(status(2).await? == "READ", "everybody has read it");
        let events = "select count(*) from messaging.outbox_events where aggregate_id = $1::text::uuid and event_type = 'conversation.read'";
        ensure!(Database::of(&suite).await?.count(events, &[&conversation]).await? == 2, "each reading is told once");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_conversations_are_listed_by_what_was_last_said_in_pages_by_one_statement() -> Result<()> {
    story(async |suite, person| {
        let people = team(&suite, &person, 1).await?;
        let mut wanted = Vec::new();
        for n in 0..50 {
            let conversation = begin(&people).await?;
            say(&people[n % 2], &conversation, &format!("{n}")).await?.is(202)?;
            wanted.insert(0, conversation);
        }
        // One that was quiet comes back to the top; one of somebody else alone is in nobody else's list.
        let quiet = wanted.remove(40);
        say(&people[1], &quiet, "again").await?.is(202)?;
        wanted.insert(0, quiet);
        begin(&people[1..]).await?;
        for (query, from, to, more) in [
            ("", 0, 20, true),
            ("?limit=20&offset=20", 20, 40, true),
            ("?limit=20&offset=40", 40, 50, false),
            ("?limit=100", 0, 50, false),
        ] {
            let list = people[0].get(&format!("/v1/conversations{query}")).await?.is(200)?.json();
            let ids: Vec<&str> = list["items"].as_array().into_iter().flatten().filter_map(|each| each["id"].as_str()).collect();
            ensure!(ids == wanted[from..to] && list["total"] == 50 && list["has_more"] == json!(more), "{query}: {list}");
        }
        let first = people[0].get("/v1/conversations?limit=1").await?.is(200)?.json()["items"][0].clone();
        ensure!(first["last_message_content"] == "again" && first["unread_count"] == 2, "{first}");
        ensure!(first["members"].as_array().map(Vec::len) == Some(2), "{first}");
        for (query, field) in
            [("?limit=0", "limit"), ("?limit=101", "limit"), ("?offset=-1", "offset"), ("?colour=red", "colour")]
        {
            let answer = people[0].get(&format!("/v1/conversations{query}")).await?;
            ensure!(answer.is(422)?.fields() == [field], "{query}: {}", answer.body);
        }
        Ok(())
    })
    .await
}
