//! The front door: pages to the gateways, sockets to realtime, each to who is ready.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Folder, eventually, http, options, port, start};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn requests_go_round_the_ready_gateways_and_sockets_to_realtime() {
    let folder = Folder::new();
    let mut options = options(&folder, &["gateway", "realtime"]);
    options.replicas.insert("gateway".to_owned(), 2);
    let stack = start(options).await;
    let front = port(&stack.front_url());
    let answers = async || {
        let mut seen = BTreeSet::new();
        for _ in 0..6 {
            seen.insert(http(front, "GET", "/api/v1/tasks?limit=1", &[], "").await.unwrap());
        }
        seen
    };
    eventually("both gateways answer", SOON, async || {
        let seen = answers().await;
        seen.len() == 2
            && seen
                .iter()
                .all(|(status, body)| *status == 200 && body.contains("/api/v1/tasks") && body.contains(&stack.front_url()))
    })
    .await;

    // The gateway counts by address: whatever a client says of its own, it is the one that the door saw.
    let claims = [("x-forwarded-for", "203.0.113.7, 203.0.113.8"), ("x-forwarded-for", "203.0.113.9")];
    let (_, body) = http(front, "GET", "/", &claims, "").await.unwrap();
    assert!(body.contains(r#""address":"127.0.0.1""#), "{body}");

    stack.stop("gateway-1").await.unwrap();
    eventually("one gateway answers", SOON, async || {
        let seen = answers().await;
        seen.len() == 1 && seen.iter().all(|(status, _)| *status == 200)
    })
    .await;

    let mut socket = TcpStream::connect(("127.0.0.1", front)).await.unwrap();
    socket.write_all(b"GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    socket.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    socket.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"hello");

    stack.stop("gateway").await.unwrap();
    eventually("nobody is ready", SOON, async || http(front, "GET", "/", &[], "").await.unwrap().0 == 503).await;
    stack.shutdown().await.unwrap();
}
