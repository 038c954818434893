//! Who is asking, as far as the limits care.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

/// web's cookie.
const SESSION: &str = "session";

/// The address that the door before us saw: the last hop of `X-Forwarded-For`, since a client can write all but that one.
pub fn address(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// The name under which an address is counted. One household or server has a whole /64 of IPv6, so that is what counts.
pub fn neighbourhood(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}-{b:x}-{c:x}-{d:x}")
        }
        None => "unknown".to_owned(),
    }
}

/// The name under which a browser's session is counted: a digest, because the cookie itself is a secret.
pub fn session(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value =
        cookies.flat_map(|line| line.split(';')).find_map(|cookie| cookie.trim().strip_prefix(SESSION)?.strip_prefix('='))?;
    let digest = Sha256::digest(value.as_bytes());
    Some(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_the_last_hop_is_believed() {
        let forged = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2, 10.0.0.9")]);
        assert_eq!(neighbourhood(address(&forged)), "10.0.0.9");
        assert_eq!(neighbourhood(address(&headers(&[("x-forwarded-for", "nonsense")]))), "unknown");
        assert_eq!(neighbourhood("2001:db8::1".parse().ok()), neighbourhood("2001:db8::2".parse().ok()));
        assert_eq!(neighbourhood("::ffff:10.0.0.9".parse().ok()), "10.0.0.9");
    }

    #[test]
    fn a_session_is_counted_by_its_digest() {
        let one = session(&headers(&[("cookie", "theme=dark; session=secret")])).unwrap();
        assert_eq!(one.len(), 32);
        assert!(!one.contains("secret"));
        assert_eq!(session(&headers(&[("cookie", "my_session=secret")])), None);
    }
}
