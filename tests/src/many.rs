//! More tasks than anybody could write through the API, made by the database itself; and how it finds the pages of their lists.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;
use sidecar::Statement;
use tasks::filter::{Filter, Term};
use tasks::store::list;
use tokio_postgres::Client;
use uuid::Uuid;

/// What their texts are made of; the first words are used more often than the last.
const WORDS: &str = "report meeting budget invoice review call client draft plan photo garden kitchen dentist school flight hotel ticket server \
    database backup deploy release customer contract lawyer tax bank insurance car tyre oil bike repair shop milk bread coffee birthday \
    gift party music concert guitar lesson book library read write essay chapter thesis exam course lecture doctor vaccine pharmacy gym run swim \
    yoga walk dog cat vet fish aquarium plant water window paint wall lamp sofa table chair carpet clean laundry iron trash recycle donate charity \
    email phone letter post parcel return refund order delivery quarterly annual monthly weekly daily urgent important minor follow answer ask \
    check confirm cancel renew subscribe print scan sign archive sort merge test fix debug refactor document translate interview hire onboard \
    salary holiday visa passport embassy train bus taxi museum theatre cinema restaurant recipe soup salad cake oven fridge freezer presentation";

/// `$1` words, `$2` the owner of every `$4`th, `$3` how many in all; the others are a thousand people's.
const FILL: &str = "
insert into tasks (id, tenant_id, user_id, title, description, status, priority, due_at, completed_at, created_at, updated_at)
select gen_random_uuid(), o.owner, o.owner, initcap(w.words[1]) || ' ' || w.words[2] || ' ' || w.words[3] || ' ' || g % 5000,
  case when g % 3 = 0 then array_to_string(w.words[4:12], ' ') end,
  case when o.chance < 0.5 then 'completed' when o.chance < 0.9 then 'todo' else 'in_progress' end, (array['high', 'medium', 'low'])[1 + g % 3],
  case when g % 4 > 0 then timestamptz '2031-01-01' + make_interval(mins => (o.chance * 500000)::integer) end,
  case when o.chance < 0.5 then now() end, timestamptz '2026-01-01' + make_interval(secs => g), now()
from generate_series(1, $3::bigint) g
cross join lateral (
  select random() as chance, case when g % $4::bigint = 0 then $2::uuid else ('00000000-0000-7000-8000-' || lpad((g % 1000)::text, 12, '0'))::uuid end as owner) o
cross join lateral (
  select array_agg(($1::text[])[1 + floor(power(random(), 1.5) * cardinality($1::text[]))::integer]) as words from generate_series(1, 12 + 0 * g)) w";

/// Makes `all` tasks, of which `own` are the owner's, in the schema that the connection looks into.
///
/// # Errors
/// When the database refuses.
pub async fn fill(client: &Client, owner: Uuid, own: i64, all: i64) -> Result<u64> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    Ok(client.execute(FILL, &[&words, &owner, &all, &(all / own)]).await?)
}

/// A list of somebody's that asks for nothing.
pub fn plain(owner: Uuid) -> Filter {
    Filter {
        user_id: owner,
        status: None,
        priority: None,
        tags: None,
        tags_wanted: None,
        search: None,
        due_from: None,
        due_until: None,
        sort: Vec::new(),
        limit: 20,
        offset: 0,
    }
}

/// A search for one word.
pub fn search(word: &str) -> Option<Vec<Term>> {
    Some(vec![Term { text: word.to_owned(), phrase: false, excluded: false, last: true }])
}

/// The statement that the app sends for a filter, and its document.
///
/// # Errors
/// Never in practice.
pub fn sent(filter: &Filter) -> Result<(Statement, Value)> {
    Ok((list::statement(filter), serde_json::to_value(filter)?))
}

/// How the database would run what the app sends: the steps, each with what it reads.
///
/// # Errors
/// When the database refuses.
pub async fn steps(client: &Client, filter: &Filter) -> Result<BTreeSet<String>> {
    let (statement, document) = sent(filter)?;
    let row = client.query_one(&format!("explain (format json) {}", statement.text), &[&document]).await?;
    let plan: Value = row.try_get(0)?;
    let (mut steps, mut open) = (BTreeSet::new(), vec![plan[0]["Plan"].clone()]);
    while let Some(node) = open.pop() {
        let reads = node.get("Index Name").or_else(|| node.get("Relation Name")).and_then(Value::as_str);
        let step = node["Node Type"].as_str().context("a step has a kind")?;
        steps.insert(reads.map_or_else(|| step.to_owned(), |reads| format!("{step} {reads}")));
        open.extend(node["Plans"].as_array().into_iter().flatten().cloned());
    }
    Ok(steps)
}
