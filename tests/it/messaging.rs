//! Conversations: what one says the others are shown, in one order, once, and nobody else hears of it.

mod order;
mod people;
mod read;
mod send;

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::database::Database;
use tests::person::Answer;
use tests::{Person, Suite};
use uuid::Uuid;

/// How long a frame or an event may take; with two busy cores more than the moment that a person would notice.
const SOON: Duration = Duration::from_secs(60);

/// People of one tenant, the first of them as given. That they are known is written as the event of their signing up does.
async fn team(suite: &Suite, first: &Person, others: usize) -> Result<Vec<Person>> {
    let database = Database::of(suite).await?;
    let mut people = vec![first.clone()];
    for _ in 0..others {
        let mut person = Person { tenant_id: first.tenant_id, ..suite.person()? };
        person = person.with_token(|_| {})?;
        people.push(person);
    }
    for person in &people {
        let sql = "insert into messaging.people (user_id, tenant_id, display_name, version) values ($1::text::uuid, $2::text::uuid, 'Ada', 1)";
        database.client().execute(sql, &[&person.user_id.to_string(), &person.tenant_id.to_string()]).await?;
    }
    Ok(people)
}

/// A conversation that the first begins with the others.
async fn begin(people: &[Person]) -> Result<String> {
    let (first, others) = people.split_first().context("nobody")?;
    let ids: Vec<Uuid> = others.iter().map(|person| person.user_id).collect();
    let begun = first.post("/v1/conversations", &json!({ "member_ids": ids })).await?.is(201)?.json();
    text(&begun["id"])
}

async fn say(person: &Person, conversation: &str, content: &str) -> Result<Answer> {
    person.post("/v1/messages", &said(&Uuid::now_v7(), conversation, content)).await
}

fn said(id: &Uuid, conversation: &str, content: &str) -> Value {
    json!({ "id": id, "conversation_id": conversation, "content": content })
}

/// A page of a conversation's messages.
async fn page(person: &Person, conversation: &str, query: &str) -> Result<Value> {
    Ok(person.get(&format!("/v1/conversations/{conversation}/messages{query}")).await?.is(200)?.json())
}

/// The conversation as somebody sees it.
async fn shown(person: &Person, conversation: &str) -> Result<Value> {
    Ok(person.get(&format!("/v1/conversations/{conversation}")).await?.is(200)?.json())
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("no text: {value}"))
}

/// The sequences of a page, in its order.
fn sequences(page: &Value) -> Vec<i64> {
    page["items"].as_array().into_iter().flatten().filter_map(|message| message["sequence"].as_i64()).collect()
}
