//! Searching: what people write is found as they expect, and whatever they write breaks nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use contracts::task::Task;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tests::{Person, story};

use crate::chaos::random::Random;

/// Title and description; each is told by its letter, the first is a.
const TEXTS: [(&str, &str); 21] = [
    ("Quarterly presentation", "for the board"),
    ("Present the budget", "numbers of last year"),
    ("Buy presents", "for Peter's birthday"),
    ("Annual report", "draft, then final"),
    ("Report on annual leave", ""),
    ("Read the draft report", ""),
    ("Meet at café Müller", "bring the naïve sketches"),
    ("Write to john.doe@example.com", "about https://example.com/invoices/2031?id=7"),
    ("Renew AB-1234 and B2B contract", "v2.0 of the terms, due 2031-03-01"),
    ("Don't panic", "it's the dentist"),
    ("Отчёт для клиента", ""),
    ("Συνάντηση με πελάτη", ""),
    ("اجتماع مع العميل", ""),
    ("会議の準備", ""),
    ("हिन्दी कक्षा", ""),
    ("TCP/IP and/or UDP", "rock'n'roll"),
    ("“Smart” quotes — and dashes", ""),
    ("Straße fegen", "œuvre, smørrebrød"),
    ("🎉party at Zoë's", ""),
    ("snake_case and camelCase", ""),
    ("The Who", "To be or not to be"),
];

/// What is searched and which tasks are found.
const EXPECTED: [(&str, &str); 66] = [
    // Word forms; the last word also while it is being typed.
    ("present", "abc"),
    ("presentation", "abc"),
    ("presentat", "a"),
    ("quart", "a"),
    ("dentists", "j"),
    ("PRESENT", "abc"),
    ("  present  ", "abc"),
    // Several words must all match, in any order, wherever they stand.
    ("annual report", "de"),
    ("leave annual", "e"),
    ("quart present", ""),
    ("quarterly pres", "a"),
    ("board quarterly", "a"),
    ("milk,report", ""),
    ("annual,report", "de"),
    // A phrase, also one whose end is still missing.
    ("\"annual report\"", "d"),
    ("\"annual reports\"", "d"),
    ("\"report annual\"", ""),
    ("\"draft rep", "f"),
    ("\"rep\"", ""),
    ("\"presentation board\"", ""),
    ("\"report draft\"", ""),
    ("\"to be or not to be\"", "u"),
    // A minus excludes.
    ("report -draft", "e"),
    ("report -\"annual report\"", "ef"),
    ("-draft report", "e"),
    ("report -leave -draft", ""),
    ("report - draft", "df"),
    ("annual-report", "d"),
    // Stop words do not count, unless they are all there is or the last.
    ("the report", "def"),
    ("the", "abdfgiju"),
    ("who", "u"),
    ("panic the dentist", "j"),
    ("report of", ""),
    // Apostrophes and accents.
    ("Peter", "c"),
    ("peter's", "c"),
    ("peter’s", "c"),
    ("don't", "j"),
    ("don't panic", "j"),
    ("cafe", "g"),
    ("CAFÉ", "g"),
    ("muller naive", "g"),
    ("strasse", "r"),
    ("smorrebrod oeuvre", "r"),
    ("zoe", "s"),
    // Addresses, numbers and what stands between words.
    ("john.doe@example.com", "h"),
    ("doe", "h"),
    ("example.com", "h"),
    ("example.org", ""),
    ("https://example.com/invoices", "h"),
    ("invoices", "h"),
    ("1234", "i"),
    ("AB-1234", "i"),
    ("b2b", "i"),
    ("v2", "i"),
    ("2031-03-01", "i"),
    ("2031", "hi"),
    ("tcp/ip", "p"),
    ("udp ip", "p"),
    ("rock'n'roll", "p"),
    ("smart dashes", "q"),
    ("party", "s"),
    ("case", "t"),
    // Other scripts.
    ("ОТЧЕТ клиент", "k"),
    ("συναντηση", "l"),
    ("العميل", "m"),
    ("हिन्दी", "o"),
];

/// What breaks a query that is put together carelessly.
const HOSTILE: [&str; 48] = [
    "'",
    "''",
    "\"",
    "\\",
    "\\'",
    "&",
    "|",
    "!",
    "(",
    ")",
    "<->",
    "<2>",
    ":*",
    ":A",
    "*",
    "-",
    "--",
    "/*",
    "*/",
    ";",
    "%",
    "_",
    "$1",
    "$$",
    "::tsquery",
    "' or '1'='1",
    "'; drop table tasks; --",
    "E'\\x00'",
    "&&&",
    "|||",
    "!!",
    "(((",
    ")))",
    "<-> <->",
    "\u{202e}",
    "\u{feff}",
    "\u{200d}",
    "🦀",
    "\u{fdfa}",
    "ﬃ",
    "é\u{301}\u{301}\u{301}",
    "İ",
    "ß",
    "\n",
    "\t",
    "{}",
    "[null]",
    "\u{10ffff}",
];

/// A query as a browser would send it, and more careful than that.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The letters of the tasks that a search finds.
async fn found(person: &Person, search: &str, letters: &BTreeMap<String, char>) -> Result<String> {
    let page = person.list(&format!("?limit=100&search={}", encoded(search))).await?;
    let mut found: Vec<char> = page.items.iter().filter_map(|task| letters.get(&task.title).copied()).collect();
    found.sort_unstable();
    ensure!(page.total == found.len() as i64, "{search}: total {}", page.total);
    Ok(found.into_iter().collect())
}

#[tokio::test]
async fn contract_what_people_search_is_found_as_they_expect() -> Result<()> {
    story(async |_, person| {
        let mut letters = BTreeMap::new();
        for ((title, description), letter) in TEXTS.iter().zip('a'..) {
            person.create_task(&json!({ "title": title, "description": description })).await?;
            letters.insert((*title).to_owned(), letter);
        }
        // Somebody else wrote the very same.
        let other = person.suite.person()?;
        other.create_task(&json!({ "title": "Quarterly presentation" })).await?;
        let mut wrong = Vec::new();
        for (search, expected) in EXPECTED {
            let found = found(&person, search, &letters).await?;
            if found != expected {
                wrong.push(format!("{search}: {found:?}, not {expected:?}"));
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        // Japanese has no spaces: it is found from the beginning of what stands together.
        ensure!(found(&person, "会議", &letters).await? == "n", "the beginning");
        // What has neither letter nor digit searches nothing.
        for nothing in ["", "%", "\"\"", "- -", "🎉"] {
            ensure!(person.list(&format!("?search={}", encoded(nothing))).await?.total == TEXTS.len() as i64, "{nothing}");
        }
        // A word of the index that is no word of a text is nobody's to search.
        for owner in [format!("={}", person.user_id), format!("'={}'", person.user_id), "=".to_owned()] {
            let total = person.list(&format!("?search={}x", encoded(&owner))).await?.total;
            ensure!(total == 0, "{owner}: {total}");
        }
        person.suite.settled(&[other.tenant_id]).await
    })
    .await
}

#[tokio::test]
async fn contract_the_best_match_comes_first_then_the_newest() -> Result<()> {
    story(async |_, person| {
        let mut ids = Vec::new();
        for (title, description) in [
            ("Lighthouse", "paint it"),
            ("Something", "about the lighthouse"),
            ("Lighthouse", "a lighthouse, the lighthouse"),
            ("Lighthouse", "paint it"),
            ("Something else", "about the lighthouse"),
            ("Nothing", "of that kind"),
        ] {
            ids.push(person.create_task(&json!({ "title": title, "description": description })).await?.id);
        }
        for search in ["lighthouse", "lighthouses", "light"] {
            let page = person.list(&format!("?search={search}")).await?;
            let places: Vec<usize> = page.items.iter().filter_map(|task| ids.iter().position(|id| *id == task.id)).collect();
            ensure!(places == [2, 3, 0, 4, 1], "{search}: {places:?}");
        }
        let page = person.list("?search=lighthouse&limit=2&offset=3").await?;
        ensure!((page.total, page.items.len(), page.has_more) == (5, 2, false), "{page:?}");
        let asked = person.list("?search=lighthouse&sort=created_asc").await?;
        ensure!(asked.items.iter().map(|task| task.id).eq(ids[..5].iter().copied()), "an order that is asked for comes first");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_change_is_found_at_once() -> Result<()> {
    story(async |_, person| {
        let task = person.create_task(&json!({ "title": "Paint the fence", "description": "green" })).await?;
        let path = format!("/tasks/{}", task.id);
        let finds = async |word: &str| Ok::<_, anyhow::Error>(person.list(&format!("?search={word}")).await?.total);
        ensure!(finds("fence").await? == 1 && finds("green").await? == 1, "as made");
        let changed: Task = person.patch(&path, &json!({ "title": "Paint the door", "description": null })).await?.expect(200)?;
        ensure!(finds("fence").await? == 0 && finds("green").await? == 0 && finds("door").await? == 1, "as changed: {changed:?}");
        person.delete(&path).await?.is(204)?;
        ensure!(finds("door").await? == 0, "gone");
        person.post(&format!("{path}/restore"), &json!({})).await?.is(200)?;
        ensure!(finds("doors").await? == 1, "back");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_five_hundred_hostile_searches_are_answered_or_refused_by_name() -> Result<()> {
    story(async |_, person| {
        person.create_task(&json!({ "title": "An innocent task" })).await?;
        let mut random = Random::new(802);
        let mut texts: Vec<String> = HOSTILE.iter().map(|text| (*text).to_owned()).collect();
        while texts.len() < 500 {
            let pieces = 1 + random.below(12);
            let mut piece = || match random.below(4) {
                0 => "task".to_owned(),
                1 => " ".to_owned(),
                _ => HOSTILE[random.below(HOSTILE.len() as u64) as usize].repeat(1 + random.below(3) as usize),
            };
            texts.push((0..pieces).map(|_| piece()).collect());
        }
        texts.extend([
            "\0".to_owned(),
            "a\0b".to_owned(),
            "ﷺ".repeat(200),
            "a".repeat(200),
            "a".repeat(201),
            "\"".repeat(201),
            "-".repeat(200),
        ]);
        let asked = stream::iter(texts.iter().map(async |text| {
            let answer = person.get(&format!("/tasks?search={}", encoded(text))).await?;
            let refused = text.contains('\0') || text.trim().chars().count() > 200;
            ensure!(answer.status == if refused { 422 } else { 200 }, "{text:?}: {} {}", answer.status, answer.body);
            ensure!(!refused || answer.fields() == ["search"], "{text:?}: {}", answer.body);
            Ok(usize::from(refused))
        }));
        let refused: usize = asked.buffer_unordered(8).try_fold(0, async |sum, one| Ok(sum + one)).await?;
        ensure!((4..50).contains(&refused), "{refused} were refused");
        ensure!(person.list("?search=innocent").await.context("afterwards")?.total == 1, "the task is there");
        Ok(())
    })
    .await
}
