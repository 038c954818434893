//! Who is in it: of the team, brought in and taken out by those who are there, and nobody else finds anything.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::json;
use tests::socket::Socket;
use tests::{Person, Suite, eventually, story, story_of};
use uuid::Uuid;

use super::{SOON, begin, page, say, sequences, shown, team, text};
use crate::invitations::{address, invite, known, sign_up};

#[tokio::test]
async fn flow_who_is_brought_in_sees_what_was_said_and_who_leaves_sees_nothing_more() -> Result<()> {
    story(async |suite, person| {
        let people = team(&suite, &person, 2).await?;
        let (ada, ben, cleo) = (&people[0], &people[1], &people[2]);
        let conversation = begin(&people[..2]).await?;
        say(ada, &conversation, "one").await?.is(202)?;
        let members = format!("/v1/conversations/{conversation}/members");
        cleo.get(&format!("/v1/conversations/{conversation}")).await?.is(404)?;
        let mut page_of_cleo = Socket::open(cleo).await?;
        ben.post(&members, &json!({ "user_id": cleo.user_id })).await?.is(204)?;
        let frame = page_of_cleo.next(SOON, |frame| frame["happening"] == "member_added").await?;
        ensure!(frame["member_id"] == json!(cleo.user_id) && frame["actor_id"] == json!(ben.user_id), "{frame}");
        let seen = shown(cleo, &conversation).await?;
        ensure!(seen["unread_count"] == 0 && seen["members"].as_array().map(Vec::len) == Some(3), "{seen}");
        ensure!(sequences(&page(cleo, &conversation, "").await?) == [1], "what was said before");
        let again = ada.post(&members, &json!({ "user_id": cleo.user_id })).await?;
        ensure!(again.is(409)?.fields() == ["user_id"], "{}", again.body);
        say(cleo, &conversation, "two").await?.is(202)?;

        // Ada leaves by herself; Ben is taken out by Cleo, and hears of it.
        let mut page_of_ben = Socket::open(ben).await?;
        ada.delete(&format!("{members}/{}", ada.user_id)).await?.is(204)?;
        cleo.delete(&format!("{members}/{}", ben.user_id)).await?.is(204)?;
        page_of_ben
            .next(SOON, |frame| frame["happening"] == "member_removed" && frame["member_id"] == json!(ben.user_id))
            .await?;
        cleo.delete(&format!("{members}/{}", ben.user_id)).await?.is(404)?;
        for gone in [ada, ben] {
            gone.get(&format!("/v1/conversations/{conversation}")).await?.is(404)?;
            say(gone, &conversation, "still here").await?.is(404)?;
            ensure!(gone.get("/v1/conversations").await?.is(200)?.json()["total"] == 0, "still in the list");
        }
        say(cleo, &conversation, "three").await?.is(202)?;
        page_of_cleo.next(SOON, |frame| frame["message"]["content"] == "three").await?;
        ensure!(!page_of_ben.frames.iter().any(|frame| frame.to_string().contains("three")), "who left is shown it");
        // What they said stays, and they may come back to it.
        cleo.post(&members, &json!({ "user_id": ben.user_id })).await?.is(204)?;
        ensure!(sequences(&page(ben, &conversation, "").await?) == [1, 2, 3], "what was said");
        audited(ada, &conversation).await
    })
    .await
}

/// The log knows what Ada did there, and not what she said.
async fn audited(ada: &Person, conversation: &str) -> Result<()> {
    let wanted = ["conversation.created", "conversation.member_removed", "message.created"];
    eventually("the log tells of it", SOON, async || {
        let rows = ada.get("/audit-logs?entity_type=conversation&limit=100").await?.is(200)?.json();
        let rows: Vec<_> =
            rows["items"].as_array().into_iter().flatten().filter(|row| row["entity_id"] == conversation).cloned().collect();
        let mut actions: Vec<&str> = rows.iter().filter_map(|row| row["action"].as_str()).collect();
        actions.sort_unstable();
        ensure!(actions == wanted, "{actions:?}");
        ensure!(!json!(rows).to_string().contains("\"one\""), "{rows:?}");
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
async fn contract_only_people_of_the_team_can_be_in_it_and_nobody_else_finds_it() -> Result<()> {
    story(async |suite, person| {
        let people = team(&suite, &person, 1).await?;
        let stranger = &team(&suite, &suite.person()?, 0).await?[0];
        for ids in [json!([stranger.user_id]), json!([people[1].user_id, Uuid::now_v7()])] {
            let answer = person.post("/v1/conversations", &json!({ "member_ids": ids })).await?;
            ensure!(answer.is(422)?.fields() == ["member_ids"], "{}", answer.body);
        }
        for (body, fields) in [
            (json!({ "title": "" }), vec!["title"]),
            (json!({ "title": "x".repeat(101), "member_ids": "all", "colour": "red" }), vec!["title", "member_ids", "colour"]),
            (json!({ "member_ids": ["ada"] }), vec!["member_ids"]),
        ] {
            let answer = person.post("/v1/conversations", &body).await?;
            ensure!(answer.is(422)?.fields() == fields, "{}", answer.body);
        }
        let key = Uuid::now_v7().to_string();
        let body = json!({ "title": " Launch ", "member_ids": [person.user_id] }).to_string().into_bytes();
        let begin_again =
            async || person.send(Method::POST, "/v1/conversations", &[("idempotency-key", &key)], Some(body.clone())).await;
        let (begun, repeated) = (begin_again().await?, begin_again().await?);
        ensure!(
            begun.is(201)?.json() == repeated.is(201)?.json() && repeated.header("idempotent-replayed") == "true",
            "{}",
            repeated.body
        );
        let conversation = text(&begun.json()["id"])?;
        ensure!(
            begun.header("location") == format!("/v1/conversations/{conversation}") && begun.json()["title"] == "Launch",
            "{}",
            begun.body
        );
        let members = format!("/v1/conversations/{conversation}/members");
        let answer = person.post(&members, &json!({ "user_id": stranger.user_id })).await?;
        ensure!(answer.is(422)?.fields() == ["user_id"], "{}", answer.body);
        // Of the team, of another, and one who looks after the suite.
        let operator = suite.person()?.with_token(|claims| claims.scope = "user ops".to_owned())?;
        for other in [&people[1], stranger, &operator] {
            for (method, path, body) in [
                (Method::GET, format!("/v1/conversations/{conversation}"), None),
                (Method::GET, format!("/v1/conversations/{conversation}/messages"), None),
                (Method::POST, format!("/v1/conversations/{conversation}/read"), None),
                (Method::POST, members.clone(), Some(json!({ "user_id": other.user_id }))),
                (Method::DELETE, format!("{members}/{}", person.user_id), None),
            ] {
                let answer = other.send(method, &path, &[], body.map(|body| body.to_string().into_bytes())).await?;
                ensure!(answer.is(404)?.json()["code"] == "not_found", "{path}: {}", answer.body);
            }
        }
        ensure!(shown(&person, &conversation).await?["members"].as_array().map(Vec::len) == Some(1), "somebody came in");
        Ok(())
    })
    .await
}

/// The way that people go: one invites another, and they can talk. Nothing is written by hand.
#[tokio::test]
async fn flow_who_was_invited_can_be_spoken_to_by_their_name() -> Result<()> {
    let ada = Person::signed_up(Suite::shared().await?).await?;
    story_of(ada, async |suite, ada| {
        let invitation = invite(&ada, &json!({})).await?;
        let joined = sign_up(&suite, &address(), "Grace", invitation["code"].as_str()).await?;
        let grace = known(&suite, &joined.is(201)?.json())?;
        let conversation = eventually("both are known", SOON, async || {
            let begun = ada.post("/v1/conversations", &json!({ "member_ids": [grace.user_id] })).await?;
            Ok((begun.status != 422).then_some(begun))
        })
        .await?;
        let conversation = text(&conversation.is(201)?.json()["id"])?;
        say(&ada, &conversation, "Welcome").await?.is(202)?;
        let seen = shown(&grace, &conversation).await?;
        let mut names: Vec<&str> =
            seen["members"].as_array().into_iter().flatten().filter_map(|member| member["display_name"].as_str()).collect();
        names.sort_unstable();
        ensure!(names == ["Ada", "Grace"] && seen["unread_count"] == 1, "{seen}");
        ensure!(
            ada.get("/v1/conversations").await?.is(200)?.json()["total"] == 1,
            "one conversation, however often it was asked for"
        );
        Ok(())
    })
    .await
}
