//! Which headers pass, in each direction, and which are added.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use contracts::task::FEED_KEY;
use contracts::user::INVITATION;

/// Headers of one connection (RFC 9110, section 7.6.1) and what belongs to it in practice.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];
/// What only we may say: where the request came from and which story it belongs to.
const OURS: [&str; 10] = [
    "host",
    "forwarded",
    "traceparent",
    "tracestate",
    "baggage",
    "grpc-trace-bin",
    "x-correlation-id",
    "x-request-id",
    FEED_KEY,
    INVITATION,
];
/// What a sidecar adds for its own kind.
const SIDECARS: [&str; 7] = ["traceparent", "tracestate", "grpc-trace-bin", "baggage", "server", "x-powered-by", "forwarded"];
/// CSP of everything that is not a page: nothing in it is to be run, shown or framed.
const API_CSP: &str = "default-src 'none'; frame-ancestors 'none'";
/// Two years, as browsers' preload lists ask.
const HSTS: &str = "max-age=63072000; includeSubDomains";

/// What the app behind is told of the client.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Its address, as the front door saw it.
    pub address: Option<std::net::IpAddr>,
    /// Where it reached us, such as `https://outrigger.example`.
    pub public_url: &'a str,
    /// Whether its cookies are the app's business.
    pub cookies: bool,
}

/// The headers handed on to an app.
pub fn to_app(from_client: &HeaderMap, client: Client<'_>) -> HeaderMap {
    let named = named_by_connection(from_client);
    let passes = |name: &HeaderName| {
        let text = name.as_str();
        let ours = OURS.contains(&text)
            || text.starts_with("dapr-")
            || text.starts_with("x-forwarded-")
            || text.starts_with("metadata.");
        !ours && !is_hop(text, &named) && (client.cookies || *name != header::COOKIE)
    };
    let mut headers = filtered(from_client, passes);
    let (scheme, host) = client.public_url.split_once("://").unwrap_or(("http", client.public_url));
    let told = [
        ("x-forwarded-for", client.address.map(|address| address.to_string())),
        ("x-forwarded-proto", Some(scheme.to_owned())),
        ("x-forwarded-host", Some(host.trim_end_matches('/').to_owned())),
    ];
    for (name, value) in told {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Hands on the secret that a client wrote into the query, in a header: a sidecar writes the whole address of a call into its span. What no header
/// can hold is no secret of ours.
pub fn hand_on(headers: &mut HeaderMap, query: Option<&str>, parameter: &str, header: &'static str) {
    let secret = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(name, _)| name == parameter);
    if let Some(secret) = secret.and_then(|(_, secret)| HeaderValue::from_str(&secret).ok()) {
        headers.insert(header, secret);
    }
}

/// The headers of an app's answer that a client gets.
pub fn to_client(from_app: &HeaderMap) -> HeaderMap {
    let named = named_by_connection(from_app);
    filtered(from_app, |name| {
        let text = name.as_str();
        let sidecars = SIDECARS.contains(&text)
            || text.starts_with("dapr-")
            || text.starts_with("metadata.")
            || text.starts_with("x-forwarded-")
            || text.starts_with("access-control-");
        !sidecars && !is_hop(text, &named)
    })
}

/// Adds what protects a browser, where the answer does not say it itself.
pub fn protect(headers: &mut HeaderMap, https: bool) {
    let fixed = [
        ("content-security-policy", API_CSP),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
    ];
    for (name, value) in fixed.into_iter().chain(https.then_some(("strict-transport-security", HSTS))) {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
}

/// The headers that `Connection` names are of this connection too.
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn is_hop(name: &str, named: &[String]) -> bool {
    HOP_BY_HOP.contains(&name) || named.iter().any(|each| each == name)
}

fn filtered(headers: &HeaderMap, passes: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, _)| passes(name)) {
        kept.append(name.clone(), value.clone());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn nothing_that_a_sidecar_obeys_comes_from_a_client() {
        let written = headers(&[
            ("dapr-app-id", "identity"),
            ("dapr-api-token", "guess"),
            ("dapr-callee-app-id", "tasks"),
            ("dapr-caller-app-id", "reminders"),
            ("metadata.key", "x"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("x-correlation-id", "x"),
            ("x-feed-key", "guess"),
            ("x-invitation", "guess"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "for=6.6.6.6"),
            ("host", "evil.example"),
            ("connection", "close, X-Own"),
            ("x-own", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("upgrade", "websocket"),
            ("cookie", "session=s"),
            ("authorization", "Bearer t"),
            ("content-type", "application/json"),
            ("idempotency-key", "k"),
        ]);
        let client = Client { address: "10.0.0.9".parse().ok(), public_url: "https://outrigger.example/", cookies: false };
        let handed_on = to_app(&written, client);
        assert_eq!(
            names(&handed_on),
            ["authorization", "content-type", "idempotency-key", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]
        );
        assert_eq!(handed_on["x-forwarded-for"], "10.0.0.9");
        assert_eq!(handed_on["x-forwarded-host"], "outrigger.example");
        assert_eq!(handed_on["x-forwarded-proto"], "https");
        assert!(to_app(&written, Client { cookies: true, ..client }).contains_key("cookie"));
    }

    #[test]
    fn a_secret_goes_on_in_a_header_as_far_as_one_can_hold_it() {
        let handed = |query: Option<&str>| {
            let mut headers = HeaderMap::new();
            hand_on(&mut headers, query, "key", FEED_KEY);
            headers.get(FEED_KEY).map(|key| key.to_str().unwrap().to_owned())
        };
        assert_eq!(handed(Some("utm=1&key=a-b_c&key=d")).as_deref(), Some("a-b_c"));
        assert_eq!(handed(Some("key=a%20b")).as_deref(), Some("a b"));
        for query in [None, Some(""), Some("Key=a"), Some("key=a%0d%0ax: y"), Some("key=%00")] {
            assert_eq!(handed(query), None, "{query:?}");
        }
    }

    #[test]
    fn a_sidecars_headers_are_not_the_clients_business() {
        let answered = headers(&[
            ("dapr-app-id", "tasks"),
            ("traceparent", "x"),
            ("metadata.x", "y"),
            ("access-control-allow-origin", "*"),
            ("keep-alive", "5"),
            ("content-length", "2"),
            ("etag", "\"1\""),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]);
        let handed_back = to_client(&answered);
        assert_eq!(names(&handed_back), ["content-length", "etag", "set-cookie"]);
        assert_eq!(handed_back.get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn what_an_answer_says_itself_stays() {
        let mut own = headers(&[("content-security-policy", "default-src 'self'"), ("cache-control", "max-age=60")]);
        protect(&mut own, true);
        assert_eq!(own["content-security-policy"], "default-src 'self'");
        assert_eq!(own["cache-control"], "max-age=60");
        assert_eq!(own["x-frame-options"], "DENY");
        assert!(own.contains_key("strict-transport-security"));
        let mut plain = HeaderMap::new();
        protect(&mut plain, false);
        assert_eq!(plain["content-security-policy"], API_CSP);
        assert!(!plain.contains_key("strict-transport-security"));
    }
}
