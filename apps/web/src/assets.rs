//! Stylesheet, scripts and icon, inside the binary. Their names hold a hash of all of them, so a browser may keep them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// Name, kind and content of each.
const FILES: [(&str, &str, &str); 8] = [
    ("app.css", "text/css; charset=utf-8", include_str!("../static/app.css")),
    ("forms.js", "text/javascript; charset=utf-8", include_str!("../static/forms.js")),
    ("fields.js", "text/javascript; charset=utf-8", include_str!("../static/fields.js")),
    ("live.js", "text/javascript; charset=utf-8", include_str!("../static/live.js")),
    ("keys.js", "text/javascript; charset=utf-8", include_str!("../static/keys.js")),
    ("kept.js", "text/javascript; charset=utf-8", include_str!("../static/kept.js")),
    ("talk.js", "text/javascript; charset=utf-8", include_str!("../static/talk.js")),
    ("icon.svg", "image/svg+xml", include_str!("../static/icon.svg")),
];

/// Addresses of the files.
pub struct Assets {
    version: String,
    bodies: Vec<String>,
}

/// The files of this binary.
pub fn all() -> &'static Assets {
    static ALL: LazyLock<Assets> = LazyLock::new(Assets::new);
    &ALL
}

impl Assets {
    fn new() -> Self {
        let hash = FILES.iter().fold(Sha256::new(), |hash, (name, _, body)| hash.chain_update(name).chain_update(body));
        let version: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        // Modules name each other; they must name the file the page loaded, or it would run twice.
        let versioned = |body: &str| {
            FILES
                .iter()
                .fold(body.to_owned(), |body, (name, ..)| body.replace(&format!("'./{name}'"), &format!("'./{version}-{name}'")))
        };
        let sent = |name: &str, body: &str| if name.ends_with(".css") { squeezed(body) } else { versioned(body) };
        let bodies = FILES.iter().map(|(name, _, body)| sent(name, body)).collect();
        Self { version, bodies }
    }

    /// Where a file is.
    pub fn href(&self, name: &str) -> String {
        format!("/app/static/{}-{name}", self.version)
    }
}

/// A stylesheet without what only its readers need: comments, line ends, indents.
fn squeezed(css: &str) -> String {
    let code: String = css
        .split("/*")
        .enumerate()
        .map(|(index, part)| match index {
            0 => part,
            _ => part.split_once("*/").map_or("", |(_, rest)| rest),
        })
        .collect();
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    [
        (" { ", "{"),
        (" {", "{"),
        ("; ", ";"),
        (": ", ":"),
        (", ", ","),
        (";}", "}"),
        (" }", "}"),
        (" > ", ">"),
        (" * ", "*"),
        (" / ", "/"),
        (") var(", ")var("),
    ]
    .into_iter()
    .fold(lines.concat(), |css, (long, short)| css.replace(long, short))
}

/// `GET /app/static/{name}`: by its full name for ever, by its bare name to be asked again each time.
///
/// # Errors
/// When there is no such file.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Failure> {
    let assets = all();
    let bare = name.strip_prefix(&format!("{}-", assets.version));
    let wanted = bare.unwrap_or(&name);
    let index = FILES.iter().position(|(name, ..)| *name == wanted).ok_or(Failure::NotFound)?;
    let tag = format!("\"{}\"", assets.version);
    let keep = if bare.is_some() { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = match headers.get(header::IF_NONE_MATCH) {
        Some(known) if known.as_bytes() == tag.as_bytes() => StatusCode::NOT_MODIFIED.into_response(),
        _ => ([(header::CONTENT_TYPE, FILES[index].1)], assets.bodies[index].as_str()).into_response(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_name_the_files_that_the_page_loads() {
        let assets = Assets::new();
        let live = &assets.bodies[3];
        assert!(live.contains(&format!("'./{}-forms.js'", assets.version)) && !live.contains("'./forms.js'"));
    }

    #[test]
    fn a_stylesheet_is_sent_without_what_only_its_readers_need() {
        let css = "/* Why. */\na, b { color: red; margin: 0 calc(1px + 2px); }\n@media (width < 1px) {\n  p::before { content: \"\"; }\n}\n";
        assert_eq!(squeezed(css), "a,b{color:red;margin:0 calc(1px + 2px)}@media (width < 1px){p::before{content:\"\"}}");
    }

    #[test]
    fn the_stylesheet_keeps_its_budget() {
        let sent = &Assets::new().bodies[0];
        assert!(sent.len() <= 20 * 1024, "{} bytes", sent.len());
        // Uncompressed; compressed they are about a third.
        let scripts: usize = FILES.iter().filter(|(name, ..)| name.ends_with(".js")).map(|(.., body)| body.len()).sum();
        assert!(scripts <= 60 * 1024, "{scripts} bytes");
    }
}
