//! Stylesheet, scripts and icon, inside the binary. Their names hold a hash of all of them, so a browser may keep them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// Name, kind and content of each.
const FILES: [(&str, &str, &str); 5] = [
    ("app.css", "text/css; charset=utf-8", include_str!("../static/app.css")),
    ("forms.js", "text/javascript; charset=utf-8", include_str!("../static/forms.js")),
    ("live.js", "text/javascript; charset=utf-8", include_str!("../static/live.js")),
    ("keys.js", "text/javascript; charset=utf-8", include_str!("../static/keys.js")),
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
        let bodies = FILES.iter().map(|(_, _, body)| versioned(body)).collect();
        Self { version, bodies }
    }

    /// Where a file is.
    pub fn href(&self, name: &str) -> String {
        format!("/app/static/{}-{name}", self.version)
    }
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
        let live = &assets.bodies[2];
        assert!(live.contains(&format!("'./{}-forms.js'", assets.version)) && !live.contains("'./forms.js'"));
    }

    #[test]
    fn the_stylesheet_keeps_its_budget() {
        assert!(FILES[0].2.len() <= 20 * 1024, "{} bytes", FILES[0].2.len());
        // Uncompressed; compressed they are about a third.
        let scripts: usize = FILES.iter().filter(|(name, ..)| name.ends_with(".js")).map(|(.., body)| body.len()).sum();
        assert!(scripts <= 60 * 1024, "{scripts} bytes");
    }
}
