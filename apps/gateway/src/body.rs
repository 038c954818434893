//! A request's body on its way to the app: it streams, and is cut off where the table says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use service::{Code, Problem};

// A fate of 0: nothing is wrong with it.
const TOO_LARGE: u8 = 1;
const BROKEN_OFF: u8 = 2;

/// A refused body is read this far: a few times what any operation takes.
const MOST_DRAINED: usize = 16 * 1024 * 1024;
/// And this long.
const DRAINED_WITHIN: Duration = Duration::from_secs(2);

/// What became of a body while it was sent.
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

/// Takes a request's body.
pub fn outgoing(body: Body, limit: usize) -> Outgoing {
    let fate = Fate::default();
    if body.is_end_stream() {
        return Outgoing { body: reqwest::Body::default(), empty: true, fate };
    }
    let (mut sent, noted) = (0_usize, fate.clone());
    let chunks = body.into_data_stream().map(move |chunk| {
        let chunk = chunk.inspect_err(|_| noted.0.store(BROKEN_OFF, Ordering::Relaxed)).map_err(std::io::Error::other)?;
        sent = sent.saturating_add(chunk.len());
        if sent > limit {
            noted.0.store(TOO_LARGE, Ordering::Relaxed);
            return Err(std::io::Error::other("larger than the table allows"));
        }
        Ok(chunk)
    });
    Outgoing { body: reqwest::Body::wrap_stream(chunks), empty: false, fate }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::TooLarge, format!("The body may have at most {limit} bytes."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_length_is_refused_before_anything_is_read() {
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, "11".parse().unwrap())]);
        assert_eq!(declared(&headers, 10).err().unwrap().code(), Code::TooLarge);
        assert!(declared(&headers, 11).is_ok());
    }

    #[tokio::test]
    async fn a_body_without_length_is_cut_off_and_its_client_is_to_blame() {
        let chunks = futures::stream::iter((0..4).map(|_| Ok::<_, std::io::Error>("12345")));
        let outgoing = outgoing(Body::from_stream(chunks), 12);
        assert!(outgoing.fate.problem(12).is_none());
        assert!(axum::body::to_bytes(Body::new(outgoing.body), usize::MAX).await.is_err());
        assert_eq!(outgoing.fate.problem(12).unwrap().code(), Code::TooLarge);
    }

    #[test]
    fn nothing_can_be_sent_twice() {
        assert!(outgoing(Body::empty(), 10).empty);
    }
}
