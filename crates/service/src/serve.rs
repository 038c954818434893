//! Listen, answer, and on a signal stop accepting, finish what is in hand, and end.

use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Time that a stopping process gives its loops after its last request.
const LAST_STEPS: Duration = Duration::from_secs(2);

/// Serves `router` until `stop` becomes true, then gives open requests `drain` to finish.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
    drain: Duration,
) -> std::io::Result<()> {
    // A streamed answer is several small writes: held back to be joined, each would wait 40 ms for the other side's acknowledgement.
    // Where it cannot be set, answers are slower and still right.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let mut stopped = stop.clone();
    let graceful = axum::serve(listener, router).with_graceful_shutdown(async move {
        // An error means that the sender is gone: the process is ending as well.
        drop(stop.wait_for(|&stop| stop).await);
    });
    let overdue = async move {
        drop(stopped.wait_for(|&stop| stop).await);
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        result = graceful.into_future() => result,
        () = overdue => {
            tracing::warn!(seconds = drain.as_secs(), "some requests did not finish in time");
            Ok(())
        }
    }
}

/// Waits for loops that were told to stop, and ends those that do not.
pub async fn finish(mut background: JoinSet<()>) {
    let all = async { while background.join_next().await.is_some() {} };
    drop(tokio::time::timeout(LAST_STEPS, all).await);
}

/// Turns true at SIGTERM or SIGINT.
///
/// # Errors
/// When the process may not listen for signals.
pub fn stop_signal() -> std::io::Result<watch::Receiver<bool>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sender.send_replace(true);
        // A receiver may be made later; the value must outlive this task.
        sender.closed().await;
    });
    Ok(receiver)
}
