//! A connection to the server that a test can cut.
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Accepts connections on its own port and forwards them to the server while the way is open.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    way: watch::Sender<Way>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// New connections are refused.
    Cut,
    /// Nothing comes through, and neither end is told.
    Silent,
}

impl Proxy {
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, state) = watch::channel(Way::Open);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(lead(client, server.clone(), state.clone()));
            }
        });
        Self { port, way }
    }

    /// Ends all connections, and lets no new one through.
    pub(crate) fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    /// From now on nothing comes through, as with a pulled cable.
    pub(crate) fn fall_silent(&self) {
        self.way.send_replace(Way::Silent);
    }

    /// Connections may be made again; earlier ones stay closed.
    pub(crate) fn mend(&self) {
        self.way.send_replace(Way::Open);
    }
}

async fn lead(mut client: TcpStream, server: String, mut way: watch::Receiver<Way>) {
    let state = *way.borrow_and_update();
    if state == Way::Open {
        let mut server = TcpStream::connect(server).await.unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = way.changed() => {}
        }
        // The server learns of it either way.
        drop(server);
    }
    // Both ends of the way forget a connection that fell silent, but only once it works again.
    let _ = way.wait_for(|way| *way != Way::Silent).await;
}
