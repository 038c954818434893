//! What keeps forms ours: a token bound to the session in each, and the place a request says it comes from.

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Makes and checks form tokens, and knows where pages live.
pub struct Guard {
    key: hmac::Key,
    /// `https://host:port` of `PUBLIC_URL`.
    origin: String,
    /// Whether cookies may only travel encrypted.
    pub secure: bool,
    policy: String,
}

/// Whose form it is.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'a> {
    /// A signed-in person's: bound to the session.
    Session(&'a str),
    /// Of the sign-in and sign-up pages: bound to the cookie of the visit.
    Visit(&'a str),
}

impl Guard {
    /// With a key derived from this app's own `secret`, so that every instance takes the others' forms.
    pub fn new(secret: &str, public_url: &str) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), b"outrigger web forms 1");
        let uri: Uri = public_url.parse().unwrap_or_default();
        let (scheme, host) =
            (uri.scheme_str().unwrap_or("http"), uri.authority().map_or("localhost", |authority| authority.as_str()));
        let socket = if scheme == "https" { "wss" } else { "ws" };
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
            origin: format!("{scheme}://{host}"),
            secure: scheme == "https",
            policy: format!(
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self' {socket}://{host}; \
                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            ),
        }
    }

    /// The `Content-Security-Policy` of every page.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The token that a form carries.
    pub fn token(&self, bound: Bound<'_>) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &bound.text()))
    }

    /// Whether a form's token was made for this session or visit.
    pub fn knows(&self, bound: Bound<'_>, token: &str) -> bool {
        URL_SAFE_NO_PAD.decode(token).is_ok_and(|tag| hmac::verify(&self.key, &bound.text(), &tag).is_ok())
    }

    /// Whether the request comes from a page of ours. Browsers say so; what says nothing is no browser, and has the token to show.
    pub fn is_ours(&self, headers: &HeaderMap) -> bool {
        let value = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or("?"));
        match (value(http::HeaderName::from_static("sec-fetch-site")), value(header::ORIGIN)) {
            (Some(site), _) if site != "same-origin" => false,
            // Same origin by the browser's own word, under whichever of its names the host was reached.
            (Some(_), _) | (None, None) => true,
            (None, Some(origin)) => origin.eq_ignore_ascii_case(&self.origin),
        }
    }
}

impl Bound<'_> {
    fn text(self) -> Vec<u8> {
        let (kind, id) = match self {
            Self::Session(id) => ("session", id),
            Self::Visit(id) => ("visit", id),
        };
        format!("{kind}:{id}").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_token_is_good_for_its_session_only() {
        let guard = Guard::new("secret", "http://localhost:7100");
        let token = guard.token(Bound::Session("a"));
        assert!(guard.knows(Bound::Session("a"), &token));
        assert!(!guard.knows(Bound::Session("b"), &token));
        assert!(!guard.knows(Bound::Visit("a"), &token));
        assert!(!Guard::new("other", "http://localhost:7100").knows(Bound::Session("a"), &token));
        assert!(!guard.knows(Bound::Session("a"), ""));
    }

    #[test]
    fn another_site_is_not_ours() {
        let guard = Guard::new("secret", "https://todo.example/app");
        let from = |pairs: &[(&'static str, &'static str)]| {
            guard.is_ours(
                &pairs
                    .iter()
                    .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
                    .collect(),
            )
        };
        assert!(from(&[("origin", "https://todo.example")]));
        assert!(from(&[("origin", "https://127.0.0.1"), ("sec-fetch-site", "same-origin")]));
        assert!(from(&[]));
        assert!(!from(&[("origin", "https://evil.example")]));
        assert!(!from(&[("origin", "null")]));
        assert!(!from(&[("origin", "https://todo.example"), ("sec-fetch-site", "cross-site")]));
        assert!(!from(&[("sec-fetch-site", "same-site")]));
        assert!(guard.secure && guard.policy().contains("wss://todo.example;"));
    }
}
