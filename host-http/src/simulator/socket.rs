//! WebSockets of clients.
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
                if closing || sent.is_err() {
                    return;
                }
            }
        }
    }
}
