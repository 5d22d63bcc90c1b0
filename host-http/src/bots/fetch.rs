//! Requests of flows, guarded: they go where everybody may go, and nowhere inside.
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{Client, Method, Url, redirect::Policy};
use whatsapp_bots::{MAX_ANSWER, Outcome, runner::Call};

/// The longest that a request may take.
const LONGEST: u64 = 60;

/// Where requests of flows may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// To public addresses alone.
    #[default]
    Public,
    /// Also to this machine and its networks.
    Anywhere,
}

/// Makes requests.
pub(super) struct Fetch {
    reach: Reach,
    tls: rustls::ClientConfig,
}

impl Fetch {
    pub(super) fn new(reach: Reach) -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<rustls::RootCertStore>();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
        // The provider has the default versions: it is a part of this program.
        Self { reach, tls: tls.expect("ring speaks TLS 1.2 and 1.3") }
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
        let host = url.host_str().ok_or("address")?.to_owned();
        let addresses = self.addresses(&url).await?;
        // What was looked at is where it goes, whatever the name says a moment later.
        let client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .redirect(Policy::none())
            .no_proxy()
            .resolve_to_addrs(&host, &addresses)
            .build()
            .map_err(|_| "client")?;
        let method: Method = call.method.parse().map_err(|_| "method")?;
        let mut request = client.request(method, url).header("idempotency-key", call.key);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(body) = call.body {
            request = request.body(body);
        }
        let mut response = request.send().await.map_err(|_| "unreachable")?;
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

    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, &'static str> {
        let port = url.port_or_known_default().ok_or("address")?;
        let host = url.host_str().ok_or("address")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::net::lookup_host((host, port)).await.map_err(|_| "unknown host")?;
        let found: Vec<SocketAddr> = found.collect();
        let is_open = |address: &SocketAddr| self.reach == Reach::Anywhere || is_public(address.ip());
        // One that is inside among many is reason enough.
        if found.is_empty() || !found.iter().all(is_open) {
            return Err("refused");
        }
        Ok(found)
    }
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
    use axum::{Router, http::HeaderMap, response::Redirect, routing::get};
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
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
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
