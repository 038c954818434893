//! Every page of web has its picture in `docs/screenshots`, and the folder stays small.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use crate::workspace::root;

/// What each address of web's route table shows: the beginning of its pictures' names.
const PAGES: [(&str, &str); 14] = [
    ("/", "landing"),
    ("/app/sign-in", "sign-in"),
    ("/app/sign-up", "sign-up"),
    ("/app", "list"),
    ("/app/tasks/{id}", "task"),
    ("/app/tasks/{id}/history", "series"),
    ("/app/history", "history"),
    ("/app/notifications", "notifications"),
    ("/app/people", "people"),
    ("/app/messages", "messages"),
    ("/app/messages/{id}", "thread"),
    ("/app/preferences", "preferences"),
    ("/app/import", "import"),
    ("/app/{*rest}", "error"),
];
/// Files, and parts that script puts into a page.
const PARTS: [&str; 9] = [
    "/app/static/{name}",
    "/app/export",
    "/app/messages/unread",
    "/app/tags",
    "/app/tasks/dates",
    "/app/tasks/understood",
    "/app/tasks/{id}/row",
    "/app/tasks/{id}/next",
    "/app/tasks/{id}/reminders",
];
/// The folder is part of every clone.
const LARGEST: u64 = 3 * 1024 * 1024;

/// Seen red: without the pictures of a page.
#[test]
fn contract_every_page_of_web_has_its_pictures_on_a_phone_and_on_a_desktop() -> Result<()> {
    let root = root()?;
    let table = std::fs::read_to_string(root.join("apps/web/src/http.rs"))?;
    let routes: BTreeSet<&str> = table
        .split(".route(\"")
        .skip(1)
        .filter_map(|rest| rest.split_once("\", "))
        .filter(|(_, methods)| methods.starts_with("get("))
        .map(|(route, _)| route)
        .collect();
    let known: BTreeSet<&str> = PAGES.iter().map(|(route, _)| *route).chain(PARTS).collect();
    ensure!(routes == known, "routes that show something: {:?}", routes.symmetric_difference(&known).collect::<Vec<_>>());

    let (mut pictures, mut size) = (BTreeSet::new(), 0);
    for entry in std::fs::read_dir(root.join("docs/screenshots"))? {
        let entry = entry?;
        size += entry.metadata()?.len();
        let name = entry.file_name().to_string_lossy().into_owned();
        pictures.insert(name.strip_suffix(".png").with_context(|| format!("{name} is no picture"))?.to_owned());
    }
    ensure!(size <= LARGEST, "the pictures have {size} bytes");
    for (route, name) in PAGES {
        for place in ["desktop", "phone"] {
            let begins = format!("{name}-{place}-");
            ensure!(pictures.iter().any(|picture| picture.starts_with(&begins)), "{route} has no picture {begins}…");
        }
    }
    let script = std::fs::read_to_string(root.join("tests/src/bin/screenshots.rs"))?;
    for picture in &pictures {
        let page = picture.split("-desktop").next().and_then(|rest| rest.split("-phone").next()).unwrap_or_default();
        let taken = [format!("\"{page}\""), format!("\"{picture}\"")];
        ensure!(taken.iter().any(|name| script.contains(name)), "nothing takes {picture} any more");
    }
    Ok(())
}
