//! When and from where calls come.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo2_audit::Source;
use mcpo2_core::Call;
use mcpo2_policy::{Situation, Surroundings};
use mcpo2_route::Session;

/// What this server knows of the situation of a call. The address is that of the peer of the
/// connection: where a proxy stands between, it is the proxy's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Server {
    environment: Option<Arc<str>>,
}

impl Server {
    pub(crate) fn new(environment: Option<&str>) -> Self {
        Self {
            environment: environment.map(Arc::from),
        }
    }

    fn at(&self, call: &Call, now: SystemTime) -> Situation {
        let bytes = u64::try_from(call.request().bytes().len()).unwrap_or(u64::MAX);
        let mut situation = Situation::default().at(now).with_request_bytes(bytes);
        if let Some(environment) = &self.environment {
            situation = situation.in_environment(Arc::clone(environment));
        }
        if let Some(peer) = peer(call) {
            situation = situation.from_source(peer.ip());
        }
        if let Some(age) = session_age(call, now) {
            situation = situation.in_session_of(age);
        }
        situation
    }
}

impl Surroundings for Server {
    fn of(&self, call: &Call) -> Situation {
        self.at(call, SystemTime::now())
    }
}

/// What the edge says for the ledger: nothing else that a call carries says from where it comes.
fn peer(call: &Call) -> Option<SocketAddr> {
    let source = call.extensions().get::<Source>()?;
    source.remote()?.parse().ok()
}

/// None also where the clock was set back since: how old the session is cannot be known then.
fn session_age(call: &Call, now: SystemTime) -> Option<Duration> {
    let began = call.extensions().get::<Arc<Session>>()?.began()?;
    now.duration_since(began).ok()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use mcpo2_core::{AuthMethod, Message, Principal, ProtocolVersion};
    use mcpo2_route::upstream::Hello;

    use super::*;

    fn call() -> Call {
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let Ok(Message::Request(request)) = Message::parse(text) else {
            panic!("no request");
        };
        let (tenant, id) = ("acme".parse().unwrap(), "ada".parse().unwrap());
        Call::new(request, Principal::new(tenant, id, AuthMethod::Host))
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let now = SystemTime::now();
        let situation = Server::new(None).at(&call(), now);
        let bare = Situation::default().at(now).with_request_bytes(40);
        assert_eq!(situation, bare);
    }

    #[test]
    fn the_peer_the_session_and_the_environment_are_said() {
        let now = SystemTime::now();
        let mut call = call();
        let peer = Source::new("http").with_remote("[::ffff:192.0.2.7]:50112");
        call.extensions_mut().insert(peer);
        let session = Session::new(Hello::new("{}", ProtocolVersion::LATEST_SESSION));
        let session = session.begun(now - Duration::from_secs(90));
        call.extensions_mut().insert(Arc::new(session));
        let situation = Server::new(Some("prod")).at(&call, now);
        assert_eq!(situation.environment(), Some("prod"));
        let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        assert_eq!(situation.source(), Some(peer));
        assert_eq!(situation.session_age(), Some(Duration::from_secs(90)));
        let earlier = Server::default().at(&call, now - Duration::from_secs(100));
        assert_eq!(earlier.session_age(), None);
    }
}
