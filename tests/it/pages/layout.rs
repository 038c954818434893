//! Every page at three widths, in light and dark: nothing sideways, targets large enough, and axe-core finds nothing.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::Suite;
use tests::page::{Account, Browser, PATIENCE, Setup, browse};

use super::{as_somebody, row};

pub(super) const WIDTHS: [(u32, u32); 3] = [(375, 740), (768, 1024), (1280, 900)];
/// Where scripts/test.sh installs what tests/package.json names.
const AXE: &str = "target/npm/node_modules/axe-core/axe.min.js";
/// Letters that would be markup, an accent, a right-to-left word, and a word longer than a phone is wide.
const TITLE: &str =
    "Submit <b>report</b> & \"Ω\" <script>alert(1)</script> שלום Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau";

/// What is wider than the window, by name.
const SIDEWAYS: &str = "const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wide <= 0) return [];
    return [`${wide} px too wide`, ...[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
        .map((e) => `${e.localName}#${e.id}.${e.className}`).slice(0, 5)];";
/// What a thumb would miss. A box is as large as its label; a link in a sentence is as large as its words.
const SMALL: &str = "const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;
    const inSentence = (e) => e.localName === 'a' && getComputedStyle(e).display === 'inline' && e.parentElement.matches('p, li, h1, h2, strong');
    return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
        .filter((e) => shown(e) && !e.matches('.skip') && !inSentence(e))
        .map((e) => [e, (e.matches('[type=checkbox], [type=radio]') ? e.closest('label') : e).getBoundingClientRect()])
        .filter(([, box]) => Math.round(box.width) < 44 || Math.round(box.height) < 44)
        .map(([e, box]) => `${e.localName}#${e.id}.${e.className} ${e.textContent.trim().slice(0, 20)} ${Math.round(box.width)} x ${Math.round(box.height)}`);";
/// Violations of axe-core, each with the first elements that cause it.
const CHECK: &str = "return axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations.map((v) =>
    `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} (${n.any.concat(n.all, n.none).map((c) => c.message).join('; ')})`).join(' | ')}`))";

fn axe() -> Result<String> {
    let path: PathBuf = stack::find_root(std::path::Path::new(env!("CARGO_MANIFEST_DIR")))?.join(AXE);
    let missing = || {
        format!(
            "{} is missing: scripts/test.sh installs it (cp tests/package*.json target/npm/ && npm ci --prefix target/npm)",
            path.display()
        )
    };
    std::fs::read_to_string(&path).with_context(missing)
}

/// Looks at the page as it stands, at every width and in both schemes.
pub(super) async fn look(browser: &Browser, name: &str) -> Result<()> {
    let mut wrong: Vec<String> = Vec::new();
    browser.js::<Value>(&axe()?, ()).await?;
    for (width, height) in WIDTHS {
        browser.measures(width, height).await?;
        let mut found: Vec<String> = browser.js(SIDEWAYS, ()).await?;
        if width == 375 {
            found.extend(browser.js::<Vec<String>>(SMALL, ()).await?);
        }
        for scheme in ["light", "dark"] {
            browser.wears(scheme).await?;
            let is_dark = scheme == "dark";
            let worn = "matchMedia('(prefers-color-scheme: dark)').matches === arguments[0]";
            browser.until("the scheme is worn", PATIENCE, worn, [is_dark]).await?;
            // The middle width differs from its neighbours in no colour and no label.
            if width != 768 {
                found.extend(browser.js::<Vec<String>>(CHECK, ()).await?.into_iter().map(|text| format!("{scheme}: {text}")));
            }
        }
        wrong.extend(found.into_iter().map(|text| format!("{name} at {width} px: {text}")));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Looks at each page and says everything that is wrong with any.
async fn look_at(browser: &Browser, paths: &[&str]) -> Result<()> {
    let mut wrong = Vec::new();
    for path in paths {
        browser.goto(path).await?;
        if let Err(error) = look(browser, path).await {
            wrong.push(format!("{error:#}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_layout_fits_every_width_and_axe_finds_nothing_on_open_pages() -> Result<()> {
    let suite = Suite::shared().await?;
    browse(&suite, "layout-open", Setup::default(), async |browser| {
        browser.forgives("status of 404");
        look_at(browser, &["/", "/app/sign-in", "/app/sign-up", "/app/no/such/page"]).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_layout_fits_every_width_and_axe_finds_nothing_when_signed_in() -> Result<()> {
    as_somebody("layout", Setup::default(), async |_, browser, account| {
        look_at(browser, &["/app", "/app/history", "/app/notifications"]).await?;
        let task = filled(account).await?;
        let detail = format!("/app/tasks/{}", task.id);
        look_at(browser, &["/app", "/app?status=completed", "/app?search=nothing", &detail, "/app/history", "/app/preferences"]).await?;

        // On a phone the tasks begin in the upper half of it.
        browser.goto("/app").await?;
        browser.measures(375, 740).await?;
        let top: f64 = browser.js("return document.querySelector('#tasks .row').getBoundingClientRect().top", ()).await?;
        ensure!(top < 370.0, "the first task is {top} px down");
        browser.measures(1280, 900).await?;

        // What comes and goes: the whole form with its errors, a banner, a toast, the help.
        browser.forgives("status of 422");
        browser.goto("/app").await?;
        browser.click("#create summary").await?;
        browser.picks("#due", "2031-05-01T09:30").await?;
        browser.chooses("#reminder", "custom").await?;
        browser.click("#create button.primary").await?;
        browser.sees(".errors").await?;
        let banner = "const b = document.querySelector('#banner-template').content.firstElementChild.cloneNode(true);
            b.querySelector('a').textContent = arguments[0]; b.querySelector('a').href = '/app'; b.querySelector('.banner-body').textContent = 'Due in 1 minute';
            b.querySelector('button').setAttribute('aria-label', 'Dismiss'); document.querySelector('#banners').append(b)";
        browser.js::<Option<bool>>(banner, [TITLE]).await?;
        // As parts/next.html has it, and for as long as it is looked at.
        let toast = "const t = document.querySelector('#toasts');
            t.insertAdjacentHTML('beforeend', '<div class=\"toast\"><span></span> <a href=\"/app\">Open</a></div>');
            t.lastElementChild.firstElementChild.textContent = `“${arguments[0]}” comes again`";
        browser.js::<Option<bool>>(toast, [TITLE]).await?;
        look(browser, "errors, a banner and a toast that leads somewhere").await?;
        browser.goto("/app").await?;
        browser.measures(1280, 900).await?;
        browser.click(&format!("#delete-{}", task.id)).await?;
        browser.sees("[data-undo]").await?;
        look(browser, "a toast").await?;
        browser.measures(1280, 900).await?;
        browser.click("[data-undo] button").await?;
        browser.sees(&row(&task)).await?;
        browser.presses("?").await?;
        browser.sees("dialog[open]").await?;
        look(browser, "the help").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_layout_fits_every_width_and_axe_finds_nothing_where_tasks_are_found_and_selected() -> Result<()> {
    as_somebody("layout-list", Setup::default(), async |suite, browser, account| {
        filled(account).await?;
        let pattern = json!({ "pattern_type": "daily", "end_type": "never" });
        let body = json!({ "title": TITLE, "due_at": "2031-03-03T09:00:00Z", "recurrence_pattern": pattern });
        let again = account.person.create_task(&body).await?;
        account.person.complete(again.id).await?;
        look_at(browser, &[&format!("/app/tasks/{}/history", again.id), "/app/import"]).await?;

        browser.measures(1280, 900).await?;
        let narrowed = "/app?priority=high,low,medium&tags=home,a-tag-of-some-length-that-wraps&tags_match=any&due=dates&from=2019-01-01&until=2039-12-31\
                        &sort=priority_desc,due_date_asc";
        browser.goto(narrowed).await?;
        browser.click("#filters summary").await?;
        browser.sees("#narrow-from").await?;
        look(browser, "filters").await?;
        browser.measures(1280, 900).await?;
        browser.click("#narrow-tags").await?;
        browser.sees("#narrow .offered").await?;
        look(browser, "tags that are offered").await?;
        browser.measures(1280, 900).await?;
        browser.goto("/app").await?;
        browser.click("#choosing").await?;
        browser.chooses("#bulk-action", "add_tags").await?;
        browser.sees("#bulk-tags").await?;
        look(browser, "several selected").await?;
        browser.measures(1280, 900).await?;
        browser.goto("/app").await?;
        browser.types("#create #title", "Pay rent every month on the 1st at 9:00 until 1 Jun 2039 #home !high remind 1d !urgent").await?;
        browser.sees("#understood .problem").await?;
        look(browser, "a line that is understood").await?;

        browser.measures(1280, 900).await?;
        let file = suite.stack().run_dir().join("layout.ics");
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VTODO\r\nUID:1\r\nSUMMARY:{TITLE}\r\nEND:VTODO\r\nEND:VCALENDAR\r\n");
        std::fs::write(&file, text)?;
        browser.goto("/app/import").await?;
        browser.types("#file", &file.display().to_string()).await?;
        browser.click("#look").await?;
        browser.sees("#take").await?;
        look(browser, "a file that was looked at").await
    })
    .await
}

/// Tasks of every kind; the first has every badge and a title that tries things.
async fn filled(account: &Account) -> Result<contracts::task::Task> {
    let person = &account.person;
    let body = json!({ "title": TITLE, "priority": "high", "due_at": "2031-05-01T09:30:00Z", "reminder_offset_minutes": 60,
        "description": "Some words", "tag_names": ["home", "work", "a-tag-of-some-length-that-wraps"] });
    let task = person.create_task(&body).await?;
    person.create_task(&json!({ "title": "Overdue", "priority": "low", "due_at": "2020-05-01T09:30:00Z" })).await?;
    let begun = person.create_task(&json!({ "title": "Begun" })).await?;
    person.patch(&format!("/tasks/{}", begun.id), &json!({ "status": "in_progress" })).await?.is(200)?;
    let done = person.create_task(&json!({ "title": "Done" })).await?;
    person.complete(done.id).await?;
    Ok(task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_titles_are_text_wherever_they_are_shown() -> Result<()> {
    as_somebody("titles", Setup::default(), async |_, browser, _| {
        browser.types("#title", &format!("{TITLE}\u{e007}")).await?;
        browser.sees("#tasks .row[data-task]").await?;
        let shown = browser.texts("#tasks .row .name").await?;
        ensure!(shown == [TITLE], "{shown:?}");
        browser.click("#tasks .row .name").await?;
        browser.reads("#task h1", TITLE).await?;
        ensure!(browser.value("#edit #title").await? == TITLE, "in the field");
        ensure!(browser.js::<u32>("return document.querySelectorAll('main b, main script').length", ()).await? == 0, "no markup");
        browser.click(".up a").await?;
        browser.click("#tasks .check").await?;
        browser.reads(".toast", "Submit <b>report</b>").await?;
        browser.goto("/app/history").await?;
        browser.reads(".row .name", TITLE).await
    })
    .await
}
