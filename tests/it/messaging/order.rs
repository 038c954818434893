//! One order: that in which messages were accepted, for everybody and for ever.

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use tests::story;

use super::send::on_the_topic;
use super::{begin, page, say, sequences, team};

/// Messages that are sent at once.
const AT_ONCE: usize = 100;

#[tokio::test]
async fn flow_a_hundred_messages_at_once_have_one_order_without_a_gap_and_a_time_each() -> Result<()> {
    story(async |suite, person| {
        let people = team(&suite, &person, 3).await?;
        let conversation = begin(&people).await?;
        let sent = (0..AT_ONCE).map(|n| {
            let (person, conversation) = (&people[n % people.len()], &conversation);
            async move { say(person, conversation, &format!("{n}")).await?.is(202).map(|answer| answer.json()) }
        });
        let mut accepted = try_join_all(sent).await?;
        accepted.sort_by_key(|message| message["sequence"].as_i64());
        let given: Vec<Option<i64>> = accepted.iter().map(|message| message["sequence"].as_i64()).collect();
        ensure!(given == (1..=100).map(Some).collect::<Vec<_>>(), "{given:?}");
        let whole = page(&people[1], &conversation, "?limit=100").await?;
        ensure!(
            sequences(&whole) == (1..=100).collect::<Vec<_>>() && whole["has_older"] == false && whole["has_newer"] == false,
            "{whole}"
        );
        let times: Vec<DateTime<Utc>> = whole["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|message| serde_json::from_value(message["created_at"].clone()))
            .collect::<Result<_, _>>()?;
        ensure!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        // What was answered is what is kept.
        for (answered, kept) in accepted.iter().zip(whole["items"].as_array().into_iter().flatten()) {
            ensure!((&answered["id"], &answered["created_at"]) == (&kept["id"], &kept["created_at"]), "{answered}\n{kept}");
        }
        on_the_topic(&suite, &conversation, AT_ONCE).await
    })
    .await
}

#[tokio::test]
async fn contract_pages_of_messages_go_both_ways_without_gap_or_repeat_while_more_is_said() -> Result<()> {
    story(async |suite, person| {
        let people = team(&suite, &person, 0).await?;
        let conversation = begin(&people).await?;
        for n in 0..25 {
            say(&person, &conversation, &format!("{n}")).await?.is(202)?;
        }
        // Back from the newest.
        let mut back = Vec::new();
        let mut query = "?limit=10".to_owned();
        loop {
            let page = page(&person, &conversation, &query).await?;
            let found = sequences(&page);
            ensure!(found.windows(2).all(|pair| pair[1] == pair[0] + 1), "{found:?}");
            back.splice(0..0, found.iter().copied());
            // Somebody goes on talking.
            say(&person, &conversation, "more").await?.is(202)?;
            ensure!(page["has_older"] == (back[0] > 1), "{page}");
            if page["has_older"] == false {
                break;
            }
            query = format!("?limit=10&before_sequence={}", back[0]);
        }
        ensure!(back == (1..=25).collect::<Vec<_>>(), "{back:?}");
        // And forth from the first, to the end.
        let mut forth: Vec<i64> = Vec::new();
        loop {
            let after = forth.last().copied().unwrap_or(0);
            let page = page(&person, &conversation, &format!("?limit=10&after_sequence={after}")).await?;
            forth.extend(sequences(&page));
            if page["has_newer"] == false {
                break;
            }
        }
        ensure!(forth == (1..=28).collect::<Vec<_>>(), "{forth:?}");
        let path = format!("/v1/conversations/{conversation}/messages");
        for (query, field) in [
            ("?limit=0", "limit"),
            ("?limit=101", "limit"),
            ("?before_sequence=x", "before_sequence"),
            ("?after_sequence=-1", "after_sequence"),
            ("?before_sequence=2&after_sequence=2", "after_sequence"),
        ] {
            let answer = person.get(&format!("{path}{query}")).await?;
            ensure!(answer.is(422)?.fields() == [field], "{query}: {}", answer.body);
        }
        Ok(())
    })
    .await
}
