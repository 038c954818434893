//! A request's body on its way to the app: a short one is taken first, a longer one streams and is cut off where the table says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use service::{Code, Problem};

const SENT: u8 = 0;
const TOO_LARGE: u8 = 1;
const BROKEN_OFF: u8 = 2;
const COMING: u8 = 3;

/// A body up to this size is taken before anybody is called: a slow client then keeps no app waiting, and what reached nobody can be sent
/// again.
const TAKEN_WHOLE: u64 = 64 * 1024;

/// A refused body is read this far: a few times what any operation takes.
const MOST_DRAINED: usize = 16 * 1024 * 1024;
/// And this long.
const DRAINED_WITHIN: Duration = Duration::from_secs(2);

/// What became of a body while it was taken and sent.
#[derive(Clone, Debug, Default)]
pub struct Fate(Arc<AtomicU8>);

impl Fate {
    /// The client's own fault, if the body is why a call failed; the app behind is then not to blame.
    pub fn problem(&self, limit: usize) -> Option<Problem> {
        match self.0.load(Ordering::Relaxed) {
            TOO_LARGE => Some(too_large(limit)),
            BROKEN_OFF => Some(Problem::new(Code::BadRequest, "The body ended too early.")),
            _ => None,
        }
    }

    /// The client's fault when the time of a call has run out: it had not sent everything.
    pub fn too_slow(&self) -> Option<Problem> {
        (self.0.load(Ordering::Relaxed) == COMING).then(too_slow)
    }

    fn note(&self, fate: u8) {
        self.0.store(fate, Ordering::Relaxed);
    }
}

/// A body that may be sent.
pub struct Outgoing {
    /// What is sent.
    pub body: reqwest::Body,
    /// Whether there is nothing in it, so that it can be sent again.
    pub empty: bool,
    /// What becomes of it.
    pub fate: Fate,
}

/// Whether a request's body may come at all.
///
/// # Errors
/// 413 when its declared length is over `limit`, before anything is read.
pub fn declared(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match declared.is_some_and(|declared| usize::try_from(declared).is_ok_and(|declared| declared > limit)) {
        true => Err(too_large(limit)),
        false => Ok(()),
    }
}

/// Reads what a refused client is still sending, as far as it is little and comes soon: a connection that is closed on a client in the
/// middle of its body takes the answer with it.
pub async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    let read = async {
        let mut read = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            read += chunk.len();
            if read > MOST_DRAINED {
                return;
            }
        }
    };
    // Whoever takes longer learns nothing, and could have.
    drop(tokio::time::timeout(DRAINED_WITHIN, read).await);
}

/// Takes a request's body; a short one whole, within `patience`.
///
/// # Errors
/// 400 when a short one does not come, or not in time.
pub async fn outgoing(body: Body, limit: usize, patience: Duration) -> Result<Outgoing, Problem> {
    let fate = Fate::default();
    if body.is_end_stream() {
        return Ok(Outgoing { body: reqwest::Body::default(), empty: true, fate });
    }
    if body.size_hint().exact().is_some_and(|length| length <= TAKEN_WHOLE) {
        let taken = tokio::time::timeout(patience, axum::body::to_bytes(body, limit)).await.map_err(|_| too_slow())?;
        fate.note(if taken.is_ok() { SENT } else { BROKEN_OFF });
        if let Some(problem) = fate.problem(limit) {
            return Err(problem);
        }
        return Ok(Outgoing { body: taken.unwrap_or_default().into(), empty: false, fate });
    }
    fate.note(COMING);
    let (mut sent, noted, ended) = (0_usize, fate.clone(), fate.clone());
    let chunks = body.into_data_stream().map(move |chunk| {
        let chunk = chunk.inspect_err(|_| noted.note(BROKEN_OFF)).map_err(std::io::Error::other)?;
        sent = sent.saturating_add(chunk.len());
        if sent > limit {
            noted.note(TOO_LARGE);
            return Err(std::io::Error::other("larger than the table allows"));
        }
        Ok(chunk)
    });
    let end = futures::stream::poll_fn(move |_| {
        ended.note(SENT);
        std::task::Poll::Ready(None)
    });
    Ok(Outgoing { body: reqwest::Body::wrap_stream(chunks.chain(end)), empty: false, fate })
}

fn too_slow() -> Problem {
    Problem::new(Code::BadRequest, "The body came too slowly.")
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::TooLarge, format!("The body may have at most {limit} bytes."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    #[test]
    fn a_declared_length_is_refused_before_anything_is_read() {
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, "11".parse().unwrap())]);
        assert_eq!(declared(&headers, 10).err().unwrap().code(), Code::TooLarge);
        assert!(declared(&headers, 11).is_ok());
    }

    #[tokio::test]
    async fn a_body_without_length_is_cut_off_and_its_client_is_to_blame() {
        let chunks = futures::stream::iter((0..4).map(|_| Ok::<_, std::io::Error>("12345")));
        let outgoing = outgoing(Body::from_stream(chunks), 12, SOON).await.unwrap();
        assert!(outgoing.fate.problem(12).is_none());
        assert!(axum::body::to_bytes(Body::new(outgoing.body), usize::MAX).await.is_err());
        assert_eq!(outgoing.fate.problem(12).unwrap().code(), Code::TooLarge);
    }

    #[tokio::test]
    async fn a_stream_that_did_not_end_is_its_clients_doing_and_one_that_did_is_not() {
        let endless = futures::stream::iter([Ok::<_, std::io::Error>("12345")]).chain(futures::stream::pending());
        let slow = outgoing(Body::from_stream(endless), 12, SOON).await.unwrap();
        assert!(tokio::time::timeout(SOON, axum::body::to_bytes(Body::new(slow.body), 12)).await.is_err());
        assert!(slow.fate.too_slow().is_some() && slow.fate.problem(12).is_none());
        let whole =
            outgoing(Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>("12345")])), 12, SOON).await.unwrap();
        assert_eq!(axum::body::to_bytes(Body::new(whole.body), 12).await.unwrap(), "12345");
        assert!(whole.fate.too_slow().is_none() && whole.fate.problem(12).is_none());
    }

    #[tokio::test]
    async fn nothing_and_what_is_short_can_be_sent_twice() {
        assert!(outgoing(Body::empty(), 10, SOON).await.unwrap().empty);
        let short = outgoing(Body::from("1234"), 10, SOON).await.unwrap();
        assert_eq!(short.body.as_bytes(), Some(&b"1234"[..]));
    }
}
