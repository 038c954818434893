//! Service invocation streams: large bodies pass both ways, and no piece waits for the next.

use std::convert::Infallible;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use sidecar::Error;
use sidecar::invoke::Request;
use tokio::sync::mpsc;

use crate::ground::{alone, eventually};
use crate::invoke::{request, text};

const PIECE: usize = 64 * 1024;
/// 20 MB, which no sidecar holds back on its way down.
const PIECES: usize = 320;
/// 15 MB: on its way up a body has the limit of `--max-body-size`, 16 MiB, also when it streams.
const PIECES_UP: usize = 240;

fn piece() -> Bytes {
    Bytes::from(vec![b'x'; PIECE])
}

/// A body of so many pieces, each made when the one before is on its way.
fn upload(receiver: mpsc::Receiver<Bytes>) -> Request<'static> {
    let stream = futures::stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Bytes>| {
        Some((Ok::<_, Infallible>(receiver.recv().await?), receiver))
    });
    let mut upload = request("identity", Method::POST, &["up"]);
    upload.body = reqwest::Body::wrap_stream(stream);
    upload
}

#[tokio::test]
async fn a_large_body_goes_up_piece_by_piece() {
    let ground = alone().await;
    let peer = ground.peer("identity");
    peer.up.send_replace(0);
    let (pieces, receiver) = mpsc::channel(1);
    let sidecar = ground.sidecar("tasks");
    let send = async {
        pieces.send(piece()).await.unwrap();
        // The rest is not made before the callee has the first.
        eventually("the first piece arrives", async || (*peer.up.borrow() >= PIECE).then_some(())).await;
        for _ in 1..PIECES_UP {
            pieces.send(piece()).await.unwrap();
        }
        drop(pieces);
    };
    let (answer, ()) = tokio::join!(sidecar.invoke(upload(receiver)), send);
    assert_eq!(text(answer.unwrap()).await, (PIECES_UP * PIECE).to_string());
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_and_not_unavailable() {
    let ground = alone().await;
    let (pieces, receiver) = mpsc::channel(1);
    let sidecar = ground.sidecar("tasks");
    let send = async move { while pieces.send(piece()).await.is_ok() {} };
    let (answer, ()) = tokio::join!(sidecar.invoke(upload(receiver)), send);
    let error = answer.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_large_body_comes_down_piece_by_piece() {
    let ground = alone().await;
    let (pieces, receiver) = mpsc::channel(1);
    ground.peer("identity").offer(receiver);
    pieces.send(piece()).await.unwrap();
    let answer = ground.sidecar("tasks").invoke(request("identity", Method::GET, &["down"])).await.unwrap();
    let mut body = answer.into_body();
    let mut got = 0;
    while got < PIECE {
        // The callee makes no other before we have the first.
        got += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    let send = async move {
        for _ in 1..PIECES {
            pieces.send(piece()).await.unwrap();
        }
    };
    let read = async {
        while let Some(frame) = body.frame().await {
            got += frame.unwrap().into_data().unwrap().len();
        }
        got
    };
    let (got, ()) = tokio::join!(read, send);
    assert_eq!(got, PIECES * PIECE);
}
