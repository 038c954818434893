//! Service invocation: one app calls another by its id; bodies stream both ways, status and headers are kept.
//!
//! A forwarded path is built from segments, never from a client's text: daprd cleans dot segments before it routes, and its own API
//! wins over the `dapr-app-id` header, so a path taken as it comes could reach the caller's secrets or the callee's event routes.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderMap, Method, Response, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::client::Sidecar;
use crate::error::{Error, Result, is_known};

/// First segments that are daprd's own or only for daprd.
const RESERVED: [&str; 5] = ["dapr", "events", "jobs", "job", "internal"];
/// daprd's error bodies are far below this; a longer 500 is the app's own and is passed on.
const MAX_ERROR_BODY: u64 = 16 * 1024;
/// What daprd says of a body above its `--max-body-size`.
const TOO_LARGE: &str = "stream too large";
/// How long a callee is looked for that nobody has reached: each try may find another replica, and one that died is soon back.
const LOOKED_FOR: Duration = Duration::from_millis(1500);
/// And how often.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// daprd's word that a call did not come to an answer.
const NO_ANSWER: &str = "ERR_DIRECT_INVOKE";

/// A path that may be forwarded: each segment percent-encoded, none empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// A path for a call on behalf of a client.
    ///
    /// # Errors
    /// [`Error::HostilePath`] for an empty or dot segment (also an encoded one), a slash, backslash or control character inside a
    /// segment (also encoded), and a first segment that belongs to daprd (`v1.0*`) or is only for sidecars.
    pub fn forwarded<S: AsRef<str>>(segments: &[S]) -> Result<Self> {
        let path = Self::internal(segments)?;
        // Read as whoever decodes once more than we expect would read it.
        let first = segments.first().map(|segment| decoded_wholly(segment.as_ref()).to_ascii_lowercase()).unwrap_or_default();
        if RESERVED.contains(&first.as_str()) || first.starts_with("v1.0") {
            return Err(Error::HostilePath(first));
        }
        Ok(path)
    }

    /// A path for a call of our own; it may also name the internal routes of the callee.
    ///
    /// # Errors
    /// As [`Path::forwarded`], but the first segment may be reserved.
    pub fn internal<S: AsRef<str>>(segments: &[S]) -> Result<Self> {
        let mut path = String::new();
        for segment in segments {
            let segment = segment.as_ref();
            if is_hostile(segment) {
                return Err(Error::HostilePath(segment.to_owned()));
            }
            path.push('/');
            encode(segment, &mut path);
        }
        if path.is_empty() { Ok(Self("/".into())) } else { Ok(Self(path)) }
    }

    /// The encoded path, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a segment, read once or decoded again and again, could leave its place in a path.
fn is_hostile(segment: &str) -> bool {
    let mut text = segment.to_owned();
    loop {
        if text.is_empty() || text == "." || text == ".." || text.contains(['/', '\\']) || text.chars().any(char::is_control) {
            return true;
        }
        match decode(&text) {
            Some(decoded) if decoded != text => text = decoded,
            Some(_) => return false,
            None => return true,
        }
    }
}

/// A segment after every percent-encoding in it is undone; only for segments that are not hostile, whose decoding is text and ends.
fn decoded_wholly(segment: &str) -> String {
    let mut text = segment.to_owned();
    while let Some(decoded) = decode(&text).filter(|decoded| *decoded != text) {
        text = decoded;
    }
    text
}

/// Percent-decodes once; `None` when the result is not UTF-8.
fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

/// All but RFC 3986's unreserved characters.
const RESERVED_BYTES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes twice: daprd decodes a path once and then reads it as a URL again, where `?`, `#` and `%` would mean something.
fn encode(segment: &str, into: &mut String) {
    for piece in utf8_percent_encode(segment, RESERVED_BYTES) {
        into.extend(utf8_percent_encode(piece, RESERVED_BYTES));
    }
}

/// A call to another app.
#[derive(Debug)]
pub struct Request<'a> {
    /// App id of the callee.
    pub app: &'a str,
    /// HTTP method.
    pub method: Method,
    /// Path on the callee.
    pub path: Path,
    /// Query string without `?`, as it goes on the wire.
    pub query: Option<&'a str>,
    /// Headers to pass on; the token, trace and `dapr-app-id` are added.
    pub headers: HeaderMap,
    /// Body; may stream.
    pub body: reqwest::Body,
    /// Time allowed until the answer's head is here. The body may stream longer.
    pub timeout: Duration,
}

impl Sidecar {
    /// Calls another app and gives its answer as it is, body unread. While nobody can be reached it is tried anew; whoever may have heard
    /// of the call is not called again.
    ///
    /// # Errors
    /// [`Error::NoAnswer`] when the callee or either sidecar did not answer, [`Error::TimedOut`]. What the callee itself answers is no error.
    pub async fn invoke(&self, request: Request<'_>) -> Result<Response<reqwest::Body>> {
        let Request { app, method, path, query, mut headers, body, timeout } = request;
        let call = format!("invoke {app}");
        let url = match query {
            Some(query) => format!("{}{}?{query}", self.inner.base, path.as_str()),
            None => format!("{}{}", self.inner.base, path.as_str()),
        };
        self.observed("invoke", app, timeout, async {
            self.sign(&mut headers);
            let malformed = |detail: String| Error::Malformed { call: call.clone(), detail };
            let app_id = http::HeaderValue::from_str(app).map_err(|error| malformed(error.to_string()))?;
            headers.insert("dapr-app-id", app_id);
            let request = self.inner.http.request(method, url).headers(headers).body(body).build();
            let mut request = request.map_err(|error| malformed(error.to_string()))?;
            let begun = Instant::now();
            loop {
                // Nothing when the body streams: it is gone with the first try.
                let again = request.try_clone();
                let answered = match self.send(request).await {
                    Ok(response) => answer_of(app, response).await,
                    Err(error) => Err(Error::from_http(&call, &error, timeout)),
                };
                match again {
                    Some(again) if was_not_taken(&answered) && begun.elapsed() < LOOKED_FOR => request = again,
                    _ => {
                        return answered.map(|mut response| {
                            response.headers_mut().remove(STARTING);
                            response
                        });
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        })
        .await
    }
}

/// daprd's words when nobody has heard of a call: the callee did not take the connection, nor did the sidecar beside it (which gRPC says
/// when it has no connection to send anything on), or no sidecar of that name is known yet. And those when the callee cannot have all of it: the
/// connection was closed while the request was being written, by an app that ends and closes what is idle.
const HEARD_BY_NOBODY: [&[&str]; 4] =
    [&["dial tcp"], &["connection error: desc"], &["no host found"], &["error invoking app channel", ": write tcp "]];

/// Whether nobody has heard of the call, or the callee says that it is only starting. Anything else may have been done, also what was cut
/// off, and is not done again here.
fn was_not_taken(answered: &Result<Response<reqwest::Body>>) -> bool {
    match answered {
        Ok(response) => response.headers().contains_key(STARTING),
        Err(Error::NoAnswer { detail, .. }) => detail.contains(NO_ANSWER) && is_known(detail, &HEARD_BY_NOBODY),
        Err(_) => false,
    }
}

/// On the 503 of an app that is starting: it has done nothing with the call.
pub const STARTING: &str = "x-app-starting";
/// Says how long the callee's answer is, for daprd drops `Content-Length`: when a sidecar dies between head and body, what arrives is a 200
/// that ends early and in order. `crates/service` adds it to answers that come through a sidecar.
pub const BODY_LENGTH: &str = "x-body-length";
/// Answers up to this size are taken whole before they are given on, so that one that was cut off is no answer at all.
const TAKEN_WHOLE: u64 = 64 * 1024;

/// The answer, if it is as long as the callee said; a long one breaks off where it ends early.
async fn whole(app: &str, mut response: reqwest::Response) -> Result<Response<reqwest::Body>> {
    let declared = response.headers_mut().remove(BODY_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let Some(declared) = declared else {
        // What daprd writes of itself when a call ended before the callee's head was there; every app of ours says how long its answer is.
        let nothing = response.status() == StatusCode::OK && response.content_length() == Some(0);
        if nothing && !response.headers().contains_key(header::CONTENT_TYPE) {
            return Err(Error::NoAnswer {
                call: format!("invoke {app}"),
                detail: "an empty 200 without the callee's head".to_owned(),
            });
        }
        return Ok(response.into());
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let body = if declared <= TAKEN_WHOLE {
        let no_answer = |detail: String| Error::NoAnswer { call: format!("invoke {app}"), detail };
        let body = response.bytes().await.map_err(|error| no_answer(error.to_string()))?;
        if u64::try_from(body.len()).is_ok_and(|length| length < declared) {
            return Err(no_answer(format!("cut off after {} of {declared} bytes", body.len())));
        }
        reqwest::Body::from(body)
    } else {
        reqwest::Body::wrap_stream(to_the_end(response.bytes_stream(), declared))
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

/// The same bytes, and an error at the end if there are fewer than `declared`.
fn to_the_end(
    bytes: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
    declared: u64,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    futures::stream::unfold((Box::pin(bytes), 0_u64, false), move |(mut bytes, seen, ended)| async move {
        match bytes.next().await {
            _ if ended => None,
            Some(Ok(piece)) => {
                let seen = seen + u64::try_from(piece.len()).unwrap_or_default();
                Some((Ok(piece), (bytes, seen, false)))
            }
            Some(Err(error)) => Some((Err(std::io::Error::other(error)), (bytes, seen, true))),
            None if seen < declared => Some((Err(std::io::ErrorKind::UnexpectedEof.into()), (bytes, seen, true))),
            None => None,
        }
    })
}

/// Tells the callee's own 500 from daprd's word that it could not reach the callee.
async fn answer_of(app: &str, response: reqwest::Response) -> Result<Response<reqwest::Body>> {
    let is_json =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let short = response.content_length().is_some_and(|length| length < MAX_ERROR_BODY);
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR || !is_json || !short {
        return whole(app, response).await;
    }
    let (status, mut headers) = (response.status(), response.headers().clone());
    headers.remove(BODY_LENGTH);
    let call = format!("invoke {app}");
    let body = response.bytes().await.map_err(|error| Error::NoAnswer { call: call.clone(), detail: error.to_string() })?;
    let says = |word: &str| body.windows(word.len()).any(|window| window == word.as_bytes());
    if says(NO_ANSWER) {
        let detail = String::from_utf8_lossy(&body).into_owned();
        // Sent again it would be refused again.
        if says(TOO_LARGE) {
            return Err(Error::Refused { call, status: StatusCode::PAYLOAD_TOO_LARGE.to_string(), detail });
        }
        return Err(Error::NoAnswer { call, detail });
    }
    let mut answer = Response::new(reqwest::Body::from(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_ends_early_breaks_off_and_a_whole_one_does_not() {
        let pieces = || futures::stream::iter([Ok(Bytes::from_static(b"1234")), Ok(Bytes::from_static(b"56"))]);
        let read = async |declared| to_the_end(pieces(), declared).collect::<Vec<_>>().await;
        assert!(read(6).await.iter().all(std::io::Result::is_ok));
        let cut = read(7).await;
        assert!(cut.len() == 3 && cut[2].is_err());
    }

    #[test]
    fn segments_are_encoded_each_by_itself() {
        assert_eq!(Path::forwarded(&["tasks", "a b?c"]).unwrap().as_str(), "/tasks/a%2520b%253Fc");
        assert_eq!(Path::forwarded::<&str>(&[]).unwrap().as_str(), "/");
    }

    #[test]
    fn hostile_segments_are_refused() {
        for segment in [
            "",
            ".",
            "..",
            "%2e%2e",
            "%2E",
            "%252e%252e",
            "a/b",
            "a%2fb",
            "a%252Fb",
            "a\\b",
            "a%5cb",
            "a\0",
            "a%00",
            "%ff",
            "..%2f",
            "\n",
        ] {
            assert!(Path::internal(&["tasks", segment]).is_err(), "{segment:?}");
        }
    }

    #[test]
    fn the_sidecars_own_roads_are_not_forwarded() {
        for first in [
            "v1.0",
            "v1.0-alpha1",
            "V1.0",
            "dapr",
            "events",
            "jobs",
            "job",
            "internal",
            "Internal",
            "%65vents",
            "v1%252e0",
            "JOB%53",
        ] {
            assert!(Path::forwarded(&[first, "x"]).is_err(), "{first}");
        }
        assert!(Path::internal(&["internal", "sessions"]).is_ok());
        assert!(Path::forwarded(&["v1", "messages"]).is_ok());
    }
}
