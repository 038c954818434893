//! The frame around every page: in its place at any width, by keyboard alone, with a name for who cannot see it; and one stylesheet.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::page::{Account, Browser, PATIENCE, Setup};
use thirtyfour::Key;

use super::keyboard::VISIBLE;
use super::layout::WIDTHS;
use super::{as_somebody, now};
use crate::reminders::to_tell_at;

/// The pages of the navigation, in its order, and what each is called there.
const NAVIGATION: [(&str, &str); 5] = [
    ("/app", "Tasks"),
    ("/app/history", "History"),
    ("/app/notifications", "Notifications"),
    ("/app/messages", "Messages"),
    ("/app/preferences", "Preferences"),
];
/// What the frame must hold and does not, or holds where nobody sees it.
const FRAME: &str = "const seen = (e) => { const r = e?.getBoundingClientRect();
        return e?.checkVisibility({ visibilityProperty: true }) && r.width > 0 && r.left >= 0 && r.right <= innerWidth && r.top >= 0 && r.bottom <= innerHeight; };
    const one = (selector) => document.querySelectorAll(selector).length === 1;
    const words = (e) => [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join('');
    const links = [...document.querySelectorAll('nav[aria-label=Pages] a')];
    const wrong = ['header', 'main', 'h1', 'nav[aria-label=Pages]', 'form[role=search] input[type=search]'].filter((s) => !one(s));
    scrollTo(0, 0);
    if (links.map((a) => `${a.getAttribute('href')} ${words(a)}`).join() !== arguments[0].map((pair) => pair.join(' ')).join()) wrong.push(links.map(words).join());
    for (const e of [...links, document.querySelector('#search'), document.querySelector('form.out button'), document.querySelector('.nav .count')])
        if (!seen(e)) wrong.push(`${e?.outerHTML.slice(0, 80)} is not in sight`);
    for (const a of links) {
        const range = new Range();
        range.selectNode([...a.childNodes].find((n) => n.data?.trim()));
        if (range.getClientRects().length > 1) wrong.push(`${words(a)} goes over two lines`);
    }
    if (document.querySelector('form.out button')?.innerText !== 'Sign out') wrong.push('sign out');
    if (!document.querySelector('.nav .count')?.textContent.startsWith('1')) wrong.push(`unread: ${document.querySelector('.nav .count')?.textContent}`);
    return wrong;";
/// Everything that a person can operate, each marked with its place; a closed part of the page holds nothing yet.
const CONTROLS: &str = "const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
        .filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) && e.getClientRects().length > 0);
    all.forEach((e, place) => (e.dataset.place = place));
    document.activeElement.blur();
    return all.map((e) => `${e.localName}#${e.id} ${e.getAttribute('href') ?? e.textContent.trim().slice(0, 30)}`);";
/// Whether something else lies over the middle of what has the focus.
const COVERED: &str = "const e = document.activeElement, r = e.getBoundingClientRect();
    const top = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
    return !top || e.contains(top) || top.contains(e) ? '' : `under ${top.localName}#${top.id}.${top.className}`;";
/// What the accessibility tree calls the things that one operates.
const ROLES: [&str; 13] = [
    "button",
    "checkbox",
    "combobox",
    "Date",
    "DateTime",
    "DisclosureTriangle",
    "link",
    "listbox",
    "radio",
    "searchbox",
    "spinbutton",
    "textbox",
    "InputTime",
];

/// Somebody with one unread notification and a task, in front of each page that there is for them; also of one that there is not.
async fn everywhere(name: &str, look: impl AsyncFn(&Browser, &str) -> Result<()>) -> Result<()> {
    as_somebody(name, Setup::default(), async |_, browser, account| {
        browser.forgives("status of 404");
        let task = told(browser, account).await?;
        let pages = NAVIGATION.map(|(path, _)| path.to_owned());
        let others = ["/app?search=nothing".to_owned(), format!("/app/tasks/{task}"), "/app/no/such/page".to_owned()];
        for path in pages.iter().chain(&others) {
            browser.goto(path).await?;
            look(browser, path).await.with_context(|| path.clone())?;
        }
        Ok(())
    })
    .await
}

/// A task whose reminder has come; its id.
async fn told(browser: &Browser, account: &Account) -> Result<String> {
    let task = account.person.create_task(&to_tell_at(now() + TimeDelta::seconds(1), "Call Ada")).await?;
    browser.reads(".nav .count", "1").await?;
    Ok(task.id.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_the_frame_is_in_sight_on_every_page_at_every_width() -> Result<()> {
    everywhere("frame", async |browser, path| {
        for (width, height) in WIDTHS {
            browser.measures(width, height).await?;
            let wrong: Vec<String> = browser.js(FRAME, [json!(NAVIGATION)]).await?;
            ensure!(wrong.is_empty(), "at {width} px: {wrong:?}");
            let here: Vec<String> = browser
                .js("return [...document.querySelectorAll('.nav [aria-current]')].map((a) => a.getAttribute('href'))", ())
                .await?;
            let wanted: Vec<&str> = NAVIGATION.iter().map(|(page, _)| *page).filter(|page| path == *page).collect();
            ensure!(
                path.contains(['?', '-']) || path.matches('/').count() > 2 || here == wanted,
                "the navigation is at {here:?}"
            );
        }
        browser.measures(375, 740).await?;
        browser.fills("#search", &format!("from {path}{}", Key::Enter.value())).await?;
        browser.reads(".searching", "from").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_every_control_is_reached_by_keyboard_in_order_and_has_a_name() -> Result<()> {
    everywhere("frame-keys", async |browser, path| {
        if path == "/app" {
            browser.click("#create summary").await?;
            browser.picks("#due", "2031-05-01T09:30").await?;
            browser.chooses("#reminder", "custom").await?;
        }
        for (width, height) in WIDTHS {
            browser.measures(width, height).await?;
            let controls: Vec<String> = browser.js(CONTROLS, ()).await?;
            ensure!(controls.len() > 7, "{controls:?}");
            by_tab(browser, &controls).await.with_context(|| format!("at {width} px"))?;
            named(browser, controls.len()).await.with_context(|| format!("at {width} px"))?;
        }
        Ok(())
    })
    .await
}

/// Tab goes through all of them, as they stand on the page and from wherever one was, and each is seen when it has the focus.
async fn by_tab(browser: &Browser, controls: &[String]) -> Result<()> {
    let mut reached: Vec<usize> = Vec::new();
    // A field for date and time is several stops, and after the last control comes the browser's own place.
    for _ in 0..controls.len() + 12 {
        browser.presses(Key::Tab + "").await?;
        let place: Option<String> = browser.js("return document.activeElement.dataset.place ?? null", ()).await?;
        let Some(place) = place else { continue };
        let place = place.parse()?;
        if reached.last() != Some(&place) {
            let name = &controls[place];
            let next = reached.last().is_none_or(|last| place == (last + 1) % controls.len());
            ensure!(next, "{name} comes out of order, after {:?}", reached.last().map(|last| &controls[*last]));
            reached.push(place);
            for look in [VISIBLE, COVERED] {
                let wrong: String = browser.js(look, ()).await?;
                ensure!(wrong.is_empty(), "the focus on {name} is {wrong}");
            }
        }
    }
    let missed: Vec<&String> =
        controls.iter().enumerate().filter(|(place, _)| !reached.contains(place)).map(|(_, name)| name).collect();
    ensure!(missed.is_empty(), "never reached: {missed:?}");
    Ok(())
}

/// What can be operated is in the accessibility tree, by a name.
async fn named(browser: &Browser, least: usize) -> Result<()> {
    let tree = browser.devtools("Accessibility.getFullAXTree", json!({})).await?;
    let nodes = tree["nodes"].as_array().context("a tree")?;
    let operated: Vec<&Value> = nodes
        .iter()
        .filter(|node| node["ignored"] != true && node["role"]["value"].as_str().is_some_and(|role| ROLES.contains(&role)))
        .collect();
    let nameless: Vec<&&Value> =
        operated.iter().filter(|node| node["name"]["value"].as_str().is_none_or(|name| name.trim().is_empty())).collect();
    ensure!(nameless.is_empty(), "without a name: {nameless:?}");
    ensure!(operated.len() >= least, "{} of {least} controls are in the tree", operated.len());
    let names: BTreeSet<&str> = operated.iter().filter_map(|node| node["name"]["value"].as_str()).collect();
    for name in ["Search tasks", "Tasks", "History", "Messages", "Preferences", "Sign out"] {
        ensure!(names.contains(name), "nothing is called {name}: {names:?}");
    }
    ensure!(names.iter().any(|name| name.starts_with("Notifications") && name.contains('1')), "unread has no words: {names:?}");
    Ok(())
}

/// What stands in the stylesheet as itself and not as a token: colours, typefaces, sizes of letters, corners, distances.
const LITERALS: &str = r"const wrong = [], some = /[1-9][\d.]*px/;
    const all = (rules) => [...rules].flatMap((rule) => [rule, ...(rule.cssRules ? all(rule.cssRules) : [])]);
    const rules = [...document.styleSheets].flatMap((sheet) => all(sheet.cssRules));
    for (const rule of rules) {
        if (rule instanceof CSSFontFaceRule || rule instanceof CSSImportRule) wrong.push(rule.cssText);
        if (!rule.style) continue;
        for (const said of rule.style.cssText.split(';').map((text) => text.trim()).filter((text) => text && !text.startsWith('--'))) {
            const [name, value] = [said.slice(0, said.indexOf(':')), said.slice(said.indexOf(':') + 1)];
            const bad = /url\(|#[0-9a-f]{3,8}\b|\b(rgb|hsl)a?\(/i.test(value)
                || (/^(font|font-family)$/.test(name) && !/inherit|var\(--(font|mono)\)/.test(value))
                || (name === 'font-size' && !/var\(|em\b|inherit/.test(value)) || (name === 'font-size' && /\drem/.test(value))
                || (/radius/.test(name) && some.test(value))
                || (/^(margin|padding|gap)/.test(name) && some.test(value));
            if (bad) wrong.push(`${rule.selectorText}: ${said}`);
        }
    }
    return wrong;";
/// The tokens, by the names that the stylesheet gives them, with their values as they are worn.
const TOKENS: &str = "const root = [...document.styleSheets[0].cssRules].find((rule) => rule.selectorText === ':root');
    const worn = getComputedStyle(document.documentElement);
    return Object.fromEntries([...root.style].filter((name) => name.startsWith('--')).map((name) => [name, worn.getPropertyValue(name).trim()]));";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_one_stylesheet_holds_every_token_in_light_and_dark_and_nothing_is_fetched_elsewhere() -> Result<()> {
    everywhere("frame-tokens", async |browser, _| {
        let fetched: Vec<String> = browser
            .js("return [...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')].map((e) => e.name)", ())
            .await?;
        let origin: String = browser.js("return location.origin", ()).await?;
        ensure!(fetched.len() > 3 && fetched.iter().all(|url| url.starts_with(&format!("{origin}/"))), "{fetched:?}");
        ensure!(fetched.iter().filter(|url| url.ends_with(".css")).count() == 1, "one stylesheet: {fetched:?}");
        ensure!(browser.js::<u32>("return document.styleSheets.length + document.fonts.size", ()).await? == 1, "a sheet, no font");
        let literals: Vec<String> = browser.js(LITERALS, ()).await?;
        ensure!(literals.is_empty(), "not by a token: {literals:#?}");
        let mut worn = Vec::new();
        for scheme in ["light", "dark"] {
            browser.wears(scheme).await?;
            let is_dark = "matchMedia('(prefers-color-scheme: dark)').matches === arguments[0]";
            browser.until("the scheme is worn", PATIENCE, is_dark, [scheme == "dark"]).await?;
            worn.push(browser.js::<std::collections::BTreeMap<String, String>>(TOKENS, ()).await?);
        }
        let (light, dark) = (&worn[0], &worn[1]);
        for token in ["--s1", "--s7", "--body", "--h1", "--radius", "--font"] {
            ensure!(light.get(token).is_some_and(|value| !value.is_empty()) && light.get(token) == dark.get(token), "{token}");
        }
        for token in ["--page", "--surface", "--text", "--muted", "--accent", "--red"] {
            ensure!(light.get(token).is_some() && light.get(token) != dark.get(token), "{token} is the same in the dark");
        }
        Ok(())
    })
    .await
}
