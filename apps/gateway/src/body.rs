//! A request's body on its way to the app: it streams, and is cut off where the table says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use service::{Code, Problem};

// A fate of 0: nothing is wrong with it.
const TOO_LARGE: u8 = 1;
const BROKEN_OFF: u8 = 2;

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

/// Takes a request's body.
///
/// # Errors
/// 413 when its declared length is over `limit`, before anything is read.
pub fn outgoing(headers: &HeaderMap, body: Body, limit: usize) -> Result<Outgoing, Problem> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|declared| usize::try_from(declared).is_ok_and(|declared| declared > limit)) {
        return Err(too_large(limit));
    }
    let fate = Fate::default();
    if body.is_end_stream() {
        return Ok(Outgoing { body: reqwest::Body::default(), empty: true, fate });
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
    Ok(Outgoing { body: reqwest::Body::wrap_stream(chunks), empty: false, fate })
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
        assert_eq!(outgoing(&headers, Body::from("12345678901"), 10).err().unwrap().code(), Code::TooLarge);
        assert!(outgoing(&headers, Body::from("12345678901"), 11).is_ok());
    }

    #[tokio::test]
    async fn a_body_without_length_is_cut_off_and_its_client_is_to_blame() {
        let chunks = futures::stream::iter((0..4).map(|_| Ok::<_, std::io::Error>("12345")));
        let outgoing = outgoing(&HeaderMap::new(), Body::from_stream(chunks), 12).unwrap();
        assert!(outgoing.fate.problem(12).is_none());
        assert!(axum::body::to_bytes(Body::new(outgoing.body), usize::MAX).await.is_err());
        assert_eq!(outgoing.fate.problem(12).unwrap().code(), Code::TooLarge);
    }

    #[test]
    fn nothing_can_be_sent_twice() {
        assert!(outgoing(&HeaderMap::new(), Body::empty(), 10).unwrap().empty);
    }
}
