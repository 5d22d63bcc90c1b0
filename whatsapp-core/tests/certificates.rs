//! A server that cannot prove its identity. The reason is typed and names the remedy; the client retries ever less often.
#![cfg(all(feature = "sim", feature = "client"))]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{net::TcpListener, time::timeout};
use tokio_rustls::TlsAcceptor;
use whatsapp_core::{
    Config,
    client::{Client, Connector, WebSocket},
    event::{DisconnectReason, Event, TlsCertError},
    jid::Jid,
    noise::{CertError, TrustRoot},
    sim::{Behaviour, listen, pair::World, runtime::Simulator},
    time::Timestamp,
};
use whatsapp_store::memory::MemoryStore;

/// Longer than anything takes, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(vec!["authority".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

struct Identity(CertificateDer<'static>, PrivateKeyDer<'static>);

/// A certificate for `localhost` by that authority, changed by `with`.
fn issued(by: &Issuer, with: impl FnOnce(&mut CertificateParams)) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    with(&mut params);
    let certificate = params.signed_by(&key, by).unwrap();
    Identity(certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// A simulated network behind TLS with that certificate. Returns its address.
async fn serve(identity: Identity, simulator: Simulator) -> String {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.0], identity.1)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, simulator) = (acceptor.clone(), simulator.clone());
            tokio::spawn(async move {
                // A client that refuses the certificate is an error here.
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _ = listen::serve(stream, &simulator).await;
                }
            });
        }
    });
    format!("wss://localhost:{port}{}", listen::PATH)
}

/// How a client that trusts this certificate finds a server that has that one.
async fn refusal(trusted: &CertificateDer<'static>, identity: Identity) -> TlsCertError {
    let url = serve(identity, Simulator::start(1)).await;
    let connector = WebSocket::trusting([trusted.clone()]).unwrap();
    let refused = timeout(PATIENCE, connector.connect(&url)).await.unwrap().err().expect("it is refused");
    let found = refused.certificate().cloned();
    found.unwrap_or_else(|| panic!("{refused:?} is about no certificate"))
}

#[tokio::test]
async fn untrusted_tls_certificates_give_a_reason() {
    let authority = authority("trusted");
    let trusted = authority.der();
    let stranger = self::authority("stranger");
    assert_eq!(refusal(trusted, issued(&stranger, |_| {})).await, TlsCertError::UnknownIssuer);
    let renewed = self::authority("trusted");
    assert_eq!(refusal(trusted, issued(&renewed, |_| {})).await, TlsCertError::BadSignature);
    let expired = issued(&authority, |params| params.not_after = date_time_ymd(2020, 1, 1));
    assert_eq!(refusal(trusted, expired).await, TlsCertError::Expired);
    let early = issued(&authority, |params| params.not_before = date_time_ymd(4000, 1, 1));
    assert_eq!(refusal(trusted, early).await, TlsCertError::NotYetValid);
    let elsewhere =
        issued(&authority, |params| *params = CertificateParams::new(vec!["elsewhere.test".into()]).unwrap());
    let refused = refusal(trusted, elsewhere).await;
    assert!(
        matches!(&refused, TlsCertError::NameMismatch(names) if names.contains("elsewhere.test")),
        "{refused:?}"
    );
    let for_clients =
        issued(&authority, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    assert_eq!(refusal(trusted, for_clients).await, TlsCertError::WrongPurpose);
}

#[tokio::test]
async fn a_certificate_authority_is_not_accepted_as_a_server() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let identity = Identity(certificate.clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into());
    let refused = refusal(&certificate, identity).await;
    assert_eq!(refused, TlsCertError::CaUsedAsEndEntity);
    assert!(refused.to_string().contains("make a certificate for the server"), "{refused}");
}

/// Starts a client. Returns how its first connection ended, and the pause until the next.
async fn first_end(connector: WebSocket, url: String, root: TrustRoot) -> (DisconnectReason, Duration) {
    let mut config = Config::default();
    (config.server_url, config.trust_root) = (url, root);
    let parts = Client::new(Arc::new(MemoryStore::new()), config).with_connector(Arc::new(connector));
    let (_client, mut events, driver) = parts.into_parts();
    tokio::spawn(driver.run());
    loop {
        if let Event::Disconnected { reason, retry_at } =
            timeout(PATIENCE, events.next()).await.unwrap().unwrap()
        {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let now = Timestamp::from_millis(now.as_millis() as u64);
            return (reason, retry_at.unwrap().since(now));
        }
    }
}

#[tokio::test]
async fn both_certificate_failures_reach_the_user_and_cool_down() {
    let authority = authority("trusted");
    let simulator = Simulator::start(2);
    let url = serve(issued(&authority, |_| {}), simulator.clone()).await;
    let (reason, pause) = first_end(WebSocket::new().unwrap(), url.clone(), simulator.trust_root()).await;
    assert_eq!(reason, DisconnectReason::TlsCertificateRejected(TlsCertError::UnknownIssuer));
    // A test on a stopped machine must not fail, but a retry after seconds must.
    assert!(pause > Duration::from_secs(20), "{pause:?}");
    let trusting = WebSocket::trusting([authority.der().clone()]).unwrap();
    let (reason, pause) = first_end(trusting, url, TrustRoot::default()).await;
    assert_eq!(reason, DisconnectReason::CertificateRejected(CertError::IntermediateSignature));
    assert!(pause > Duration::from_secs(20), "{pause:?}");
}

#[test]
fn a_server_with_another_root_is_retried_ever_less_often() {
    let mut world = World::new(7);
    world.network.add_person("15550000001", "Ann", Behaviour::Receive).unwrap();
    world.network.add_person("15550000002", "Ben", Behaviour::Receive).unwrap();
    let ann = world.add_client("ann", Box::new(MemoryStore::new()));
    world.link(ann, "15550000001");
    world.run_for(Duration::from_secs(60));
    world.crash(ann);
    let right = std::mem::take(&mut world.clients[ann].config.trust_root);
    world.clients[ann].events.clear();
    world.start(ann);
    world.run_for(Duration::from_secs(10));
    let sent = world.send_text(ann, &Jid::pn("15550000002"), "kept").expect("it is accepted");
    world.run_for(Duration::from_secs(4 * 3600));
    let mut ends = 0;
    for event in &world.clients[ann].events {
        let Event::Disconnected { reason, .. } = event else { panic!("{event:?}") };
        assert_eq!(*reason, DisconnectReason::CertificateRejected(CertError::IntermediateSignature));
        ends += 1;
    }
    assert!((6..=11).contains(&ends), "{ends} attempts in four hours");
    world.crash(ann);
    world.clients[ann].config.trust_root = right;
    world.start(ann);
    let arrived = world.run_until(Duration::from_secs(60), |world| {
        let inbox = world.network.inbox("15550000002").unwrap();
        inbox.messages.iter().any(|message| message.id == sent)
    });
    assert!(arrived, "{:?}", world.clients[ann].events);
}
