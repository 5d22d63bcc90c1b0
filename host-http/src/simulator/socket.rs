//! WebSockets of clients.
use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use whatsapp_core::sim::runtime::{SimConnection, Simulator};

/// The longest message: a frame with its length.
const MAX_MESSAGE: usize = (1 << 24) + 3;
/// How long a client may take to close its side.
const GOODBYE: Duration = Duration::from_secs(5);

/// `GET /ws/chat`.
pub(super) async fn upgrade(State(simulator): State<Simulator>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).on_upgrade(async move |socket| {
        if let Ok(connection) = simulator.connect().await {
            bridge(socket, connection).await;
        }
    })
}

async fn bridge(mut socket: WebSocket, mut connection: SimConnection) {
    loop {
        tokio::select! {
            message = socket.recv() => {
                let bytes: Bytes = match message {
                    Some(Ok(Message::Binary(bytes))) => bytes,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                };
                if connection.send(bytes).await.is_err() {
                    return;
                }
            }
            bytes = connection.receive() => {
                let closing = bytes.is_none();
                let sent = socket.send(bytes.map_or(Message::Close(None), Message::Binary)).await;
                if sent.is_err() {
                    return;
                }
                if closing {
                    return see_off(socket).await;
                }
            }
        }
    }
}

/// Reads on until the client closes too. Dropping the connection under what it is still sending would reset it, and
/// the last stanzas with it: the reason of the close would be lost on the way.
async fn see_off(mut socket: WebSocket) {
    let closed = async { while let Some(Ok(_)) = socket.recv().await {} };
    // Who does not close by then is dropped.
    let _ = tokio::time::timeout(GOODBYE, closed).await;
}
