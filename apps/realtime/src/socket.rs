//! The life of one socket: hello, frames as they come, a ping now and then, and a close code that says why it ends.

use std::time::Duration;

use axum::extract::ws::{CloseCode, CloseFrame, Message, WebSocket};
use chrono::{DateTime, Utc};
use service::telemetry::Kind;
use tokio::time::{Instant, MissedTickBehavior};

use crate::State;
use crate::frame::Frame;
use crate::hub::{Push, Seat};

/// How long a page that is being let go may take to hear why.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a socket ends. Codes from 4000 on are the suite's own (RFC 6455, section 7.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The page left.
    Left,
    /// This instance stops; another one is there.
    Stopping,
    /// The token has ended: the page gets a new one and comes back.
    Expired,
    /// The page did not answer.
    Silent,
    /// The page could not keep up: it comes back and reads the lists.
    Overflowed,
    /// The page sent something that no page sends.
    Refused,
}

impl End {
    /// What the page is told.
    pub fn code(self) -> CloseCode {
        match self {
            Self::Left => 1000,
            Self::Stopping => 1001,
            Self::Refused => 1009,
            Self::Expired => 4401,
            Self::Silent => 4408,
            Self::Overflowed => 4429,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Left => "goodbye",
            Self::Stopping => "this instance stops",
            Self::Refused => "too large",
            Self::Expired => "the token has ended",
            Self::Silent => "no answer",
            Self::Overflowed => "too slow",
        }
    }
}

/// Serves a socket until it ends.
pub async fn serve(state: State, mut socket: WebSocket, mut seat: Seat, expires_at: DateTime<Utc>) {
    state.metrics.active.inc();
    state.metrics.opened.inc();
    let left = (expires_at - state.base.clock.now()).to_std().unwrap_or_default();
    let overflowed = seat.overflowed.clone();
    let mut stop = state.base.stop.clone();
    let end = tokio::select! {
        biased;
        _ = stop.wait_for(|&stop| stop) => End::Stopping,
        () = overflowed.notified() => End::Overflowed,
        () = tokio::time::sleep(left) => End::Expired,
        end = talk(&state, &mut socket, &mut seat, expires_at) => end,
    };
    state.metrics.active.dec();
    state.metrics.closed.get_or_create(&[("code", end.code().to_string())]).inc();
    if end != End::Left {
        // A page that does not listen any more is let go without a word.
        drop(tokio::time::timeout(FAREWELL, say_goodbye(&mut socket, end)).await);
    }
}

/// Says why, and waits until the page has heard it: a socket closed before would take the words with it.
async fn say_goodbye(socket: &mut WebSocket, end: End) {
    let close = CloseFrame { code: end.code(), reason: end.reason().into() };
    if socket.send(Message::Close(Some(close))).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}

/// Sends what is to be sent and hears whether the page is there; what it says otherwise is ignored.
async fn talk(state: &State, socket: &mut WebSocket, seat: &mut Seat, expires_at: DateTime<Utc>) -> End {
    let hello = Frame::Hello { instance: state.hub.instance, expires_at };
    let Ok(hello) = serde_json::to_string(&hello) else { return End::Left };
    let mut heard = Instant::now();
    let silence = state.settings.silence;
    if let Some(end) = send(socket, Message::Text(hello.into()), heard + silence).await {
        return end;
    }
    let mut pings = tokio::time::interval_at(heard + state.settings.ping_every, state.settings.ping_every);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let end = tokio::select! {
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_))) | None => Some(End::Left),
                Some(Ok(_)) => { heard = Instant::now(); None }
                Some(Err(error)) => Some(of_error(&error)),
            },
            Some(frame) = seat.frames.recv() => push(state, socket, frame, heard + silence).await,
            _ = pings.tick() => send(socket, Message::Ping(Default::default()), heard + silence).await,
            () = tokio::time::sleep_until(heard + silence) => Some(End::Silent),
        };
        if let Some(end) = end {
            return end;
        }
    }
}

/// One frame, in a span of its event's story.
async fn push(state: &State, socket: &mut WebSocket, frame: Push, deadline: Instant) -> Option<End> {
    let Push { text, context, occurred_at } = frame;
    let end = sidecar::trace::within(
        context,
        state.base.spans.span("push", Kind::Producer, send(socket, Message::Text(text), deadline)),
    )
    .await;
    let latency = (state.base.clock.now() - occurred_at).to_std().unwrap_or_default();
    state.metrics.latency.observe(latency.as_secs_f64());
    end
}

async fn send(socket: &mut WebSocket, message: Message, deadline: Instant) -> Option<End> {
    match tokio::time::timeout_at(deadline, socket.send(message)).await {
        Ok(Ok(())) => None,
        Ok(Err(_)) => Some(End::Left),
        Err(_) => Some(End::Silent),
    }
}

/// A message over the limit is the page's fault; any other failure means that it is gone.
fn of_error(error: &axum::Error) -> End {
    if error.to_string().contains("too long") { End::Refused } else { End::Left }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_a_code_of_its_own() {
        let ends = [End::Left, End::Stopping, End::Expired, End::Silent, End::Overflowed, End::Refused];
        let codes: std::collections::BTreeSet<_> = ends.iter().map(|end| end.code()).collect();
        assert_eq!(codes.len(), ends.len());
        assert_eq!(
            (End::Expired.code(), End::Silent.code(), End::Overflowed.code(), End::Stopping.code()),
            (4401, 4408, 4429, 1001)
        );
    }
}
