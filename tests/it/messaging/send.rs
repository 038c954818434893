//! Sending: once per id, refused with the field's name, and on every page of every member.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use http::Method;
use serde_json::{Value, json};
use tests::database::Database;
use tests::schemas::trace_of;
use tests::socket::Socket;
use tests::zipkin::Trace;
use tests::{Suite, broker, eventually, story};
use uuid::Uuid;

use super::{SOON, begin, page, said, say, shown, team};

#[tokio::test]
async fn flow_what_one_says_every_member_is_shown_once_in_one_trace_and_nobody_else() -> Result<()> {
    story(async |suite, person| {
        let people = team(&suite, &person, 3).await?;
        let (members, outsider) = people.split_at(3);
        let conversation = begin(members).await?;
        // One page each, at another instance each.
        let instances: Vec<String> = suite
            .stack()
            .instances()
            .iter()
            .filter(|instance| instance.app == "realtime")
            .map(|instance| format!("http://127.0.0.1:{}", instance.app_port))
            .collect();
        ensure!(instances.len() >= members.len(), "only {instances:?}");
        let open = members.iter().zip(&instances).map(|(member, base)| Socket::open_at(base, member));
        let mut sockets = try_join_all(open).await?;
        let mut elsewhere = Socket::open(&outsider[0]).await?;
        let trace_id = Uuid::new_v4().simple().to_string();
        let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
        let (id, words) = (Uuid::now_v7(), "Shall we <b>go</b>? Ω");
        let body = said(&id, &conversation, words).to_string().into_bytes();
        let answer = members[0].send(Method::POST, "/v1/messages", &[("traceparent", &traceparent)], Some(body)).await?;
        let accepted = answer.is(202)?.json();
        ensure!(
            accepted["sequence"] == 1 && accepted["status"] == "SENT" && accepted["trace_id"] == json!(trace_id),
            "{accepted}"
        );
        for (socket, member) in sockets.iter_mut().zip(members) {
            let frame = socket.next(SOON, |frame| frame["happening"] == "message").await?;
            for field in ["id", "conversation_id", "sender_id", "content", "sequence", "created_at", "status"] {
                ensure!(frame["message"][field] == accepted[field], "{field}: {frame}\n{accepted}");
            }
            ensure!(trace_of(&frame["traceparent"]) == trace_id, "{frame}");
            ensure!(!frame.to_string().contains("recipients"), "{frame}");
            ensure!(
                page(member, &conversation, "").await?["items"][0]["content"] == words,
                "{member:?}",
                member = member.user_id
            );
        }
        // A second one, so that the first would have come twice by then, if it did.
        say(&members[1], &conversation, "Yes").await?.is(202)?;
        for socket in &mut sockets {
            socket.next(SOON, |frame| frame["message"]["content"] == "Yes").await?;
            let first = socket.frames.iter().filter(|frame| frame["message"]["id"] == json!(id)).count();
            ensure!(first == 1, "shown {first} times");
        }
        // The outsider's page shows what is theirs, and nothing of this.
        let own = begin(&outsider[..1]).await?;
        elsewhere.next(SOON, |frame| frame["conversation_id"] == json!(own)).await?;
        ensure!(!elsewhere.frames.iter().any(|frame| frame.to_string().contains(&conversation)), "{:?}", elsewhere.frames);
        on_the_topic(&suite, &conversation, 2).await?;
        eventually("the trace has every station", SOON, async || {
            let trace = Trace::read(&suite, &trace_id).await?;
            // Intake, the write with its event, the relay, who handles it and writes it down, and the pages.
            let stations = [
                ("gateway", "post /v1/messages"),
                ("messaging", "post /v1/messages"),
                ("messaging", "sql messages.send"),
                ("messaging", "outbox message.created"),
                ("audit", "messages message.created"),
                ("audit", "sql record"),
                ("realtime", "push"),
            ];
            let missing: Vec<_> = stations.iter().filter(|(service, name)| trace.find(service, name).is_none()).collect();
            ensure!(missing.is_empty(), "{missing:?}: {}", trace.outline());
            Ok(Some(()))
        })
        .await
    })
    .await
}

/// Every message stands on the topic in its order, under the conversation's key. That it is as the schema says, each story asks at its end.
pub(super) async fn on_the_topic(suite: &Suite, conversation: &str, messages: usize) -> Result<()> {
    eventually("all of it is on the topic", SOON, async || {
        let all = broker::messages(suite, contracts::topic::MESSAGES).await?;
        let mut found: Vec<&Value> = all
            .iter()
            .map(|stood| &stood.message["data"])
            .filter(|data| data["metadata"]["key"] == conversation && data["event_type"] == "message.created")
            .collect();
        found.dedup();
        let sequences: Vec<i64> = found.iter().filter_map(|data| data["message"]["sequence"].as_i64()).collect();
        ensure!(sequences == (1..=i64::try_from(messages)?).collect::<Vec<_>>(), "{sequences:?}");
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
async fn contract_a_repeated_message_is_one_message_and_another_one_with_its_id_is_refused() -> Result<()> {
    story(async |suite, person| {
        let people = team(&suite, &person, 2).await?;
        let conversation = begin(&people[..2]).await?;
        let other = begin(&people[..2]).await?;
        let id = Uuid::now_v7();
        let body = said(&id, &conversation, "once");
        let answers = try_join_all((0..20).map(|_| people[0].post("/v1/messages", &body))).await?;
        let accepted: Vec<_> = answers.iter().filter(|answer| answer.status == 202).collect();
        ensure!(accepted.len() == 1, "{} were accepted", accepted.len());
        for answer in &answers {
            ensure!(matches!(answer.status.as_u16(), 200 | 202) && answer.json() == accepted[0].json(), "{}", answer.body);
        }
        let database = Database::of(&suite).await?;
        let written = async || {
            let sql = "select jsonb_build_object('messages', (select count(*) from messaging.messages where conversation_id = $1::text::uuid),
                         'events', (select count(*) from messaging.outbox_events where aggregate_id = $1::text::uuid),
                         'conversation', (select c::text from messaging.conversations c where c.id = $1::text::uuid))";
            database.json(sql, &[&conversation]).await
        };
        let before = written().await?;
        ensure!(before["messages"] == 1 && before["events"] == 4, "{before}");
        people[0].post("/v1/messages", &body).await?.is(200)?;
        // Another text, another place, another sender; and who is not in the conversation learns nothing of the message either.
        for (who, body) in [
            (&people[0], said(&id, &conversation, "twice")),
            (&people[0], said(&id, &other, "once")),
            (&people[1], said(&id, &conversation, "once")),
            (&people[2], said(&id, &conversation, "once")),
        ] {
            let answer = who.post("/v1/messages", &body).await?;
            ensure!(answer.is(409)?.fields() == ["id"] && !answer.body.contains("once"), "{}", answer.body);
        }
        ensure!(written().await? == before, "{before}\n{}", written().await?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_message_that_breaks_a_rule_is_refused_by_field_and_is_nowhere() -> Result<()> {
    story(async |suite, person| {
        let people = team(&suite, &person, 1).await?;
        let conversation = begin(&people[..1]).await?;
        let id = Uuid::now_v7();
        for (body, status, fields) in [
            (json!({}), 422, vec!["id", "conversation_id", "content"]),
            (
                json!({ "id": "7", "conversation_id": 7, "content": 7, "colour": "red" }),
                422,
                vec!["id", "conversation_id", "content", "colour"],
            ),
            (said(&id, &conversation, " \n"), 422, vec!["content"]),
            (said(&id, &conversation, "a\0b"), 422, vec!["content"]),
            (said(&id, &conversation, &"é".repeat(32_769)), 413, vec!["content"]),
            (said(&id, &Uuid::now_v7().to_string(), "anybody?"), 404, vec![]),
        ] {
            let answer = people[0].post("/v1/messages", &body).await?;
            ensure!(answer.is(status)?.fields() == fields, "{}", answer.body);
        }
        let answer = people[1].post("/v1/messages", &said(&id, &conversation, "let me in")).await?;
        answer.is(404)?;
        ensure!(page(&people[0], &conversation, "").await?["items"] == json!([]), "something was said");
        // Exactly as much as fits, as it was typed.
        let whole = format!(" {}\n", "é".repeat(32_767));
        people[0].post("/v1/messages", &said(&id, &conversation, &whole)).await?.is(202)?;
        ensure!(page(&people[0], &conversation, "").await?["items"][0]["content"] == json!(whole), "it is not as it was typed");
        ensure!(
            shown(&people[0], &conversation).await?["last_message_content"].as_str().map(|text| text.chars().count())
                == Some(200),
            "no beginning"
        );
        Ok(())
    })
    .await
}
