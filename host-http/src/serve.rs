//! Connections: accepted, bounded in number and in how long a request's head may take, and finished when the host stops.
use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};

/// A client that has not sent the whole head of its request by then is cut off, and so is a connection that stays unused as long.
const HEAD: Duration = Duration::from_secs(30);
/// More connections than this wait until others end.
const MOST: usize = 8192;
/// After an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stopped` resolves, and then what is under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, stopped: impl Future<Output = ()>) {
    let (connections, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(MOST)));
    let mut stopped = pin!(stopped);
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = room.clone().acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        let (stream, place) = tokio::select! {
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
            () = &mut stopped => break,
        };
        // Answers are small: waiting for more to send would only delay them.
        drop(stream.set_nodelay(true));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let connection =
            http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            // A client that goes away is no failure of ours.
            drop(connection.await);
        });
    }
    drop(listener);
    connections.shutdown().await;
}
