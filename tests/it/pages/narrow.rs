//! Finding tasks: search, filters, order and pages of the list, which the address holds.

use anyhow::{Result, ensure};
use chrono::{Days, NaiveDate, TimeDelta};
use contracts::task::Task;
use serde_json::json;
use tests::eventually;
use tests::page::{Account, Browser, PATIENCE, Setup, browse};
use thirtyfour::Key;

use super::{as_somebody, now};

/// Waits until the list shows these tasks in this order.
async fn shows(browser: &Browser, titles: &[&str]) -> Result<()> {
    eventually(&format!("the list is {titles:?}"), PATIENCE, async || {
        let shown = browser.texts("#tasks .row .name").await?;
        ensure!(shown == titles, "it is {shown:?}");
        Ok(Some(()))
    })
    .await
}

/// Opens what the panel of filters holds.
async fn panel(browser: &Browser) -> Result<()> {
    browser.click("#filters summary").await?;
    browser.sees("#narrow-due").await
}

/// Somebody's tasks: title, priority, tags, days from now until they are due.
async fn make(account: &Account, tasks: &[(&str, &str, &[&str], Option<i64>)]) -> Result<Vec<Task>> {
    let mut made = Vec::new();
    for (title, priority, tags, days) in tasks {
        let due = days.map(|days| now() + TimeDelta::days(days));
        let body = json!({ "title": title, "priority": priority, "tag_names": tags, "due_at": due });
        made.push(account.person.create_task(&body).await?);
    }
    Ok(made)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_filters_unite_and_each_is_seen_removed_and_kept_in_the_address() -> Result<()> {
    as_somebody("filters", Setup::default(), async |suite, browser, account| {
        make(
            account,
            &[
                ("Fix the login", "high", &["backend", "urgent"], Some(-2)),
                ("Paint the logo", "high", &["design"], Some(0)),
                ("Index the table", "low", &["backend"], Some(40)),
                ("Write the guide", "medium", &[], None),
                ("Tune the cache", "high", &["backend"], Some(41)),
            ],
        )
        .await?;
        browser.goto("/app").await?;
        panel(browser).await?;
        browser.click("#shows-high").await?;
        shows(browser, &["Tune the cache", "Paint the logo", "Fix the login"]).await?;
        // The panel stays open under the hands, and the next filter adds to it.
        browser.types("#narrow-tags", &format!("backend{}", Key::Enter.value())).await?;
        shows(browser, &["Tune the cache", "Fix the login"]).await?;
        browser.reads("#total", "2 open tasks").await?;
        browser.chooses("#narrow-due", "overdue").await?;
        shows(browser, &["Fix the login"]).await?;
        browser.arrives("/app?priority=high&tags=backend&due=overdue").await?;
        let seen = browser.texts("#narrowed .tag").await?.join(" ");
        ensure!(seen.split_whitespace().collect::<Vec<_>>().join(" ") == "High priority × #backend × Overdue ×", "{seen}");

        // Reload, another browser and one step back show the same.
        browser.goto("/app?priority=high&tags=backend&due=overdue").await?;
        shows(browser, &["Fix the login"]).await?;
        browse(suite, "filters-shared", Setup::default(), async |other| {
            other.goto("/app?priority=high&tags=backend&due=overdue").await?;
            account.sign_in(other).await?;
            shows(other, &["Fix the login"]).await
        })
        .await?;
        browser.click("#narrowed [aria-label='Remove the filter Overdue']").await?;
        shows(browser, &["Tune the cache", "Fix the login"]).await?;
        browser.click("#narrowed [aria-label='Remove the filter #backend']").await?;
        shows(browser, &["Tune the cache", "Paint the logo", "Fix the login"]).await?;
        browser.driver().back().await?;
        shows(browser, &["Tune the cache", "Fix the login"]).await?;
        browser.types("#search", &format!("cache{}", Key::Enter.value())).await?;
        browser.arrives("/app?search=cache&priority=high&tags=backend").await?;
        shows(browser, &["Tune the cache"]).await?;
        browser.click("#clear").await?;
        browser.arrives("/app").await?;
        shows(browser, &["Tune the cache", "Write the guide", "Index the table", "Paint the logo", "Fix the login"]).await?;
        ensure!(browser.value("#search").await?.is_empty(), "the search is cleared, too");

        // A click on a tag filters by it, and what does not bear it may be written all the same: it is said that it is not shown.
        browser.click("#tasks .tag[href='/app?tags=design']").await?;
        shows(browser, &["Paint the logo"]).await?;
        browser.types("#create #title", &format!("Something else{}", Key::Enter.value())).await?;
        browser.reads(".toast", "“Something else” is kept; this list does not show it.").await?;
        shows(browser, &["Paint the logo"]).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_high_and_due_this_week_and_incomplete_finds_what_matches_all_three() -> Result<()> {
    as_somebody("three-filters", Setup::default(), async |_, browser, account| {
        let today = now().date_naive();
        let noon = |date: NaiveDate| date.and_hms_opt(12, 0, 0).map(|at| at.and_utc());
        let sunday = today + Days::new(u64::from(6 - chrono::Datelike::weekday(&today).num_days_from_monday()));
        for number in 0..50 {
            let (priority, subject) =
                (["high", "medium", "low"][number % 3], ["presentation", "budget", "garden"][number / 3 % 3]);
            let due = if number % 2 == 0 { noon(sunday) } else { noon(sunday + Days::new(1)) };
            let body = json!({ "title": format!("{subject} {number:02}"), "priority": priority, "due_at": due });
            let task = account.person.create_task(&body).await?;
            if number >= 42 {
                account.person.complete(task.id).await?;
            }
        }
        browser.goto("/app?status=all").await?;
        browser.types("#search", "presentation").await?;
        browser.reads("#total", "18 tasks").await?;
        let found = browser.texts("#tasks .row .name").await?;
        ensure!(found.len() == 18 && found.iter().all(|title| title.starts_with("presentation")), "{found:?}");
        browser.goto("/app").await?;
        panel(browser).await?;
        browser.click("#shows-high").await?;
        browser.chooses("#narrow-due", "week").await?;
        browser.arrives("/app?priority=high&due=week").await?;
        // Every sixth of the 42 that are still to be done.
        let expected: Vec<String> = (0..42)
            .rev()
            .filter(|n| n % 6 == 0)
            .map(|n| format!("{} {n:02}", ["presentation", "budget", "garden"][n / 3 % 3]))
            .collect();
        shows(browser, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_a_search_is_asked_when_the_hands_rest_and_a_late_answer_is_dropped() -> Result<()> {
    as_somebody("search", Setup::default(), async |_, browser, account| {
        make(account, &[("Presentation for Ada", "medium", &[], None), ("Garden party", "medium", &[], None)]).await?;
        browser.goto("/app").await?;
        let asked = "return performance.getEntriesByType('resource').filter((e) => e.name.includes('/app?search')).map((e) => e.name.split('search=')[1])";
        // Twelve letters without a rest between them, however busy the machine is.
        let typed = "const field = document.querySelector('#search'); field.focus();
            for (const letter of 'presentation') { field.value += letter; field.dispatchEvent(new Event('input', { bubbles: true })); }";
        browser.js::<Option<bool>>(typed, ()).await?;
        shows(browser, &["Presentation for Ada"]).await?;
        let questions: Vec<String> = browser.js(asked, ()).await?;
        ensure!(questions == ["presentation"], "twelve letters, one question: {questions:?}");
        // All of the typing is one step back.
        browser.arrives("/app?search=presentation").await?;
        browser.driver().back().await?;
        shows(browser, &["Garden party", "Presentation for Ada"]).await?;

        // Enter waits for nothing: the question is on its way before the rest is over.
        let hurried = "const field = document.querySelector('#search'); field.value = 'party'; field.dispatchEvent(new Event('input', { bubbles: true }));
            const before = performance.now(); const real = window.fetch; let after = null;
            window.fetch = (...all) => { after ??= performance.now() - before; return real(...all); };
            field.form.requestSubmit(); window.fetch = real; return after !== null && after < 100";
        ensure!(browser.js::<bool>(hurried, ()).await?, "Enter asks at once");
        shows(browser, &["Garden party"]).await?;

        // The first answer comes after the second: the second stays.
        let late = "const real = window.fetch; window.late = 'on its way';
            window.fetch = async (url, options) => { const answer = await real(url, options); if (!String(url).includes('party')) return answer;
              await new Promise((go) => setTimeout(go, 1500)); setTimeout(() => (window.late = 'came'), 200); return answer; };";
        browser.goto("/app").await?;
        browser.js::<Option<bool>>(late, ()).await?;
        browser.types("#search", &format!("party{}", Key::Enter.value())).await?;
        browser.fills("#search", &format!("presentation{}", Key::Enter.value())).await?;
        shows(browser, &["Presentation for Ada"]).await?;
        browser.until("the late answer came", PATIENCE, "window.late === 'came'", ()).await?;
        shows(browser, &["Presentation for Ada"]).await?;
        browser.arrives("/app?search=presentation").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_sorted_by_date_then_by_priority_and_date_and_a_reload_keeps_it() -> Result<()> {
    as_somebody("sort", Setup::default(), async |_, browser, account| {
        let (priorities, mut tasks) = (["high", "medium", "low"], Vec::new());
        for number in 0..20_usize {
            let (rank, days) = (number * 7 % 3, (number * 11 % 20) as i64 + 1);
            let body = json!({ "title": format!("Task {number:02}"), "priority": priorities[rank], "due_at": now() + TimeDelta::days(days) });
            tasks.push((rank, days, account.person.create_task(&body).await?.title));
        }
        browser.goto("/app").await?;
        browser.sees_no("#then").await?;
        browser.chooses("#sort", "due_date_asc").await?;
        tasks.sort_by_key(|(_, days, _)| *days);
        shows(browser, &tasks.iter().map(|(.., title)| title.as_str()).collect::<Vec<_>>()).await?;
        browser.chooses("#sort", "priority_desc").await?;
        browser.sees("#then").await?;
        // A second key of the same field would mean nothing.
        let no_second = "document.querySelector('#then') && !document.querySelector('#then option[value^=priority]')";
        browser.until("no second priority is offered", PATIENCE, &format!("Boolean({no_second})"), ()).await?;
        browser.chooses("#then", "due_date_asc").await?;
        tasks.sort_by_key(|(rank, days, _)| (*rank, *days));
        let expected: Vec<&str> = tasks.iter().map(|(.., title)| title.as_str()).collect();
        shows(browser, &expected).await?;
        browser.arrives("/app?sort=priority_desc,due_date_asc").await?;
        browser.driver().refresh().await?;
        shows(browser, &expected).await?;
        let direction: String = browser.js("return document.querySelector('#sort').selectedOptions[0].textContent", ()).await?;
        ensure!(direction == "Priority ↓ high first", "{direction}");

        // What is new goes where the order wants it.
        browser.types("#create #title", &format!("Someday{}", Key::Enter.value())).await?;
        let medium = tasks.iter().filter(|(rank, ..)| *rank < 2).count();
        let mut after = expected.clone();
        after.insert(medium, "Someday");
        shows(browser, &after).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_numbers_lead_through_the_pages_and_keep_filter_and_order() -> Result<()> {
    as_somebody("page-numbers", Setup::default(), async |_, browser, account| {
        for number in 0..55 {
            let body = json!({ "title": format!("Task {number:02}"), "priority": if number < 52 { "high" } else { "low" } });
            account.person.create_task(&body).await?;
        }
        let titles = |range: std::ops::Range<i32>| range.map(|number| format!("Task {number:02}")).collect::<Vec<_>>();
        let show = async |range: std::ops::Range<i32>| {
            shows(browser, &titles(range).iter().map(String::as_str).collect::<Vec<_>>()).await
        };
        browser.goto("/app?priority=high&sort=created_asc").await?;
        show(0..50).await?;
        browser.reads("#total", "52 open tasks").await?;
        browser.sees_no("#previous").await?;
        browser.click("#next").await?;
        browser.arrives("/app?priority=high&sort=created_asc&page=2").await?;
        show(50..52).await?;
        browser.sees_no("#next").await?;
        browser.reads(".pages [aria-current=page]", "2").await?;
        browser.click(".pages [aria-label='Page 1']").await?;
        show(0..50).await?;
        browser.click(".pages [aria-label='Page 2']").await?;
        show(50..52).await?;
        browser.click("#previous").await?;
        show(0..50).await?;
        browser.goto("/app?page=9").await?;
        browser.reads("#list .empty", "There is no page 9.").await?;
        browser.click("#list .empty a").await?;
        browser.arrives("/app").await?;
        browser.sees(".pages [aria-label='Page 2']").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_filters_order_and_pages_are_links_and_one_form() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("narrow-without-script", setup, async |_, browser, account| {
        make(
            account,
            &[
                ("Fix the login", "high", &["backend"], Some(3)),
                ("Paint the logo", "high", &["design"], Some(2)),
                ("Index the table", "low", &["backend"], Some(1)),
                ("Write the guide", "medium", &["backend"], None),
            ],
        )
        .await?;
        browser.goto("/app").await?;
        panel(browser).await?;
        browser.click("#shows-high").await?;
        browser.click("#shows-low").await?;
        browser.chooses("#sort", "due_date_asc").await?;
        browser.click("#narrow noscript button").await?;
        browser.arrives("/app?priority=high&priority=low&tags=&due=&from=&until=&sort=due_date_asc").await?;
        shows(browser, &["Index the table", "Paint the logo", "Fix the login"]).await?;
        panel(browser).await?;
        browser.types("#narrow-tags", "backend").await?;
        browser.chooses("#then", "title_asc").await?;
        browser.click("#narrow noscript button").await?;
        shows(browser, &["Index the table", "Fix the login"]).await?;
        browser.click("#narrowed [aria-label='Remove the filter Low priority']").await?;
        browser.arrives("/app?priority=high&tags=backend&sort=due_date_asc,title_asc").await?;
        shows(browser, &["Fix the login"]).await?;
        browser.click("#clear").await?;
        browser.arrives("/app?sort=due_date_asc,title_asc").await?;
        browser.click("#tasks .tag").await?;
        shows(browser, &["Index the table", "Fix the login", "Write the guide"]).await
    })
    .await
}
