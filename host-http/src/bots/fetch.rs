//! Requests of flows, guarded: they go where everybody may go, and nowhere inside.
use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, Method, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use whatsapp_bots::{MAX_ANSWER, Outcome, runner::Call};

/// The longest that a request may take.
const LONGEST: u64 = 60;
/// The longest that a connection may take to be made.
const CONNECTS: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request: less than the five seconds after which many servers close one.
const IDLE: Duration = Duration::from_secs(4);
/// Connections to one host that are kept.
const KEPT: usize = 8;

/// Where requests of flows may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// To public addresses alone.
    #[default]
    Public,
    /// Also to this machine and its networks.
    Anywhere,
}

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        self == Self::Anywhere || is_public(address)
    }
}

/// Makes requests, over the connections of one client.
pub(super) struct Fetch {
    reach: Reach,
    client: Client,
}

impl Fetch {
    pub(super) fn new(reach: Reach) -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<rustls::RootCertStore>();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
        let client = Client::builder()
            // The provider has the default versions: it is a part of this program.
            .tls_backend_preconfigured(tls.expect("ring speaks TLS 1.2 and 1.3"))
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Guard { reach })
            .connect_timeout(CONNECTS)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(KEPT)
            .build();
        // Nothing of it comes from outside.
        Self { reach, client: client.expect("these settings make a client") }
    }

    /// Makes a request; whatever goes wrong is an outcome.
    pub(super) async fn call(&self, call: Call) -> Outcome {
        let patience = Duration::from_secs(call.timeout_seconds.clamp(1, LONGEST));
        match tokio::time::timeout(patience, self.made(call)).await {
            Ok(Ok((status, body))) => Outcome::Answered { status, body },
            Ok(Err(why)) => Outcome::Failed(why.to_owned()),
            Err(_) => Outcome::Failed("timeout".to_owned()),
        }
    }

    async fn made(&self, call: Call) -> Result<(u16, String), &'static str> {
        let url: Url = call.url.parse().map_err(|_| "address")?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some()
        {
            return Err("address");
        }
        let host = url.host_str().ok_or("address")?;
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
        // The client looks up names alone: an address goes by no resolver.
        if literal.is_ok_and(|address| !self.reach.allows(address)) {
            return Err("refused");
        }
        let method: Method = call.method.parse().map_err(|_| "method")?;
        let mut request = self.client.request(method, url).header("idempotency-key", call.key);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(body) = call.body {
            request = request.body(body);
        }
        let mut response = request.send().await.map_err(|error| why(&error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|_| "broken off")? {
            if body.len() + part.len() > MAX_ANSWER {
                return Err("too large");
            }
            body.extend_from_slice(&part);
        }
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// Looks names up for connections. What is looked at here is where the connection goes, whatever the name says a moment later.
struct Guard {
    reach: Reach,
}

/// Why a name leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refused {
    #[error("unknown host")]
    Unknown,
    #[error("refused")]
    Inside,
}

impl Guard {
    async fn addresses(reach: Reach, name: &str) -> Result<Vec<SocketAddr>, Refused> {
        // Whoever connects puts the port in.
        let found = tokio::net::lookup_host((name, 0)).await.map_err(|_| Refused::Unknown)?;
        let found: Vec<SocketAddr> = found.collect();
        // One that is inside among many is reason enough.
        if found.is_empty() || !found.iter().all(|address| reach.allows(address.ip())) {
            return Err(Refused::Inside);
        }
        Ok(found)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let found = Self::addresses(reach, name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Why a request was not sent, in a word.
fn why(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref() {
            Some(Refused::Inside) => return "refused",
            Some(Refused::Unknown) => return "unknown host",
            None => cause = error.source(),
        }
    }
    "unreachable"
}

/// Is it an address of the public internet?
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_inside = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !is_inside
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Global unicast, without what leads to an IPv4 address inside, to tests and to tunnels.
    let is_global = segments[0] & 0xe000 == 0x2000;
    let is_special =
        matches!(segments, [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] | [0x3fff, ..]);
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::{Router, http::HeaderMap, response::Redirect, routing::get, serve::ListenerExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn what_is_inside_is_not_public() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    async fn server() -> SocketAddr {
        counting_server().await.0
    }

    /// A server, and how many connections were made to it.
    async fn counting_server() -> (SocketAddr, Arc<AtomicUsize>) {
        let router = Router::new()
            .route(
                "/price",
                get(|headers: HeaderMap| async move {
                    format!("{{\"key\":\"{}\"}}", headers["idempotency-key"].to_str().unwrap())
                }),
            )
            .route("/large", get(|| async { "x".repeat(MAX_ANSWER + 1) }))
            .route("/elsewhere", get(|| async { Redirect::temporary("/price") }))
            .route("/never", get(std::future::pending::<String>));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let made = Arc::new(AtomicUsize::new(0));
        let counter = made.clone();
        let listener = listener.tap_io(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        (address, made)
    }

    fn call(url: String) -> Call {
        Call {
            id: 1,
            key: "K1".into(),
            method: "GET".into(),
            url,
            headers: Default::default(),
            body: None,
            timeout_seconds: 1,
        }
    }

    #[tokio::test]
    async fn answers_are_bounded_and_redirects_are_not_followed() {
        let (address, fetch) = (server().await, Fetch::new(Reach::Anywhere));
        let get = |path: &str| fetch.call(call(format!("http://{address}{path}")));
        assert_eq!(get("/price").await, Outcome::Answered { status: 200, body: "{\"key\":\"K1\"}".into() });
        assert_eq!(get("/large").await, Outcome::Failed("too large".into()));
        assert!(matches!(get("/elsewhere").await, Outcome::Answered { status: 307, .. }));
        assert_eq!(get("/never").await, Outcome::Failed("timeout".into()));
    }

    #[tokio::test]
    async fn requests_share_a_connection() {
        let ((address, made), fetch) = (counting_server().await, Fetch::new(Reach::Anywhere));
        for host in ["localhost", "127.0.0.1"] {
            made.store(0, Ordering::Relaxed);
            for _ in 0..5 {
                let call = call(format!("http://{host}:{}/price", address.port()));
                assert!(matches!(fetch.call(call).await, Outcome::Answered { status: 200, .. }), "{host}");
            }
            assert_eq!(made.load(Ordering::Relaxed), 1, "{host}");
        }
    }

    #[tokio::test]
    async fn nothing_goes_inside_unless_it_may() {
        let (address, fetch) = (server().await, Fetch::new(Reach::Public));
        let port = address.port();
        for url in [
            format!("http://{address}/price"),
            format!("http://localhost:{port}/price"),
            format!("http://[::ffff:127.0.0.1]:{port}/price"),
            format!("http://2130706433:{port}/price"),
            "http://169.254.169.254/latest/meta-data".to_owned(),
        ] {
            assert_eq!(fetch.call(call(url.clone())).await, Outcome::Failed("refused".into()), "{url}");
        }
        for url in ["file:///etc/passwd", "ftp://example.org/", "http://me:secret@example.org/", "no address"]
        {
            assert_eq!(fetch.call(call(url.into())).await, Outcome::Failed("address".into()), "{url}");
        }
    }
}
