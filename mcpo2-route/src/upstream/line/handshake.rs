use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::future::{Either, select};
use mcpo2_core::{Error, Message, ProtocolVersion, Response};
use tokio::time::timeout;

use super::{
    answer::{Answer, OnDrop},
    link::Hold,
    mailbox::Mail,
};
use crate::upstream::{ClientInfo, Hello, fault, mint::Mint, own};

/// The revision that was agreed on, and what the module said of itself.
pub(super) type Greeting = (ProtocolVersion, Bytes);

/// Agrees with the module on a revision, within the time to connect.
pub(super) async fn greet(
    hold: &Arc<Hold>,
    hello: Option<&Hello>,
    client: &ClientInfo,
) -> Result<Greeting, Error> {
    let steps = async {
        match hello {
            Some(hello) => session(hold, hello, client).await,
            None => shared(hold, client).await,
        }
    };
    match timeout(hold.core().limits.connect, steps).await {
        Ok(greeting) => greeting,
        Err(elapsed) => Err(fault::unavailable(elapsed)),
    }
}

/// For a session: what its client said, or the stateless revision where the module has no other.
async fn session(hold: &Arc<Hold>, hello: &Hello, client: &ClientInfo) -> Result<Greeting, Error> {
    let response = ask(hold, 1, "initialize", hello.params()).await?;
    let refused = match initialized(hold, &response).await {
        Ok(greeting) => return Ok(greeting),
        Err(refused) if response.error_json().is_some() => refused,
        Err(broken) => return Err(broken),
    };
    let response = discover(hold, client).await?;
    discovered(&response).ok_or(refused)
}

/// For all calls without a session: the stateless revision, or the other where any error or no
/// answer at all says that the module does not know it.
async fn shared(hold: &Arc<Hold>, client: &ClientInfo) -> Result<Greeting, Error> {
    let mut probe = pin!(discover(hold, client));
    let early = timeout(hold.core().limits.connect / 2, &mut probe).await;
    if let Ok(response) = &early
        && let Some(greeting) = response.as_ref().ok().and_then(discovered)
    {
        return Ok(greeting);
    }
    let initialize = pin!(async {
        let params = own::initialize(client);
        let response = ask(hold, 2, "initialize", params.as_bytes()).await?;
        initialized(hold, &response).await
    });
    if early.is_ok() {
        return initialize.await;
    }
    // A module that starts slowly may still answer the probe: the first good answer counts.
    match select(probe, initialize).await {
        Either::Left((response, initialize)) => match response.as_ref().ok().and_then(discovered) {
            Some(greeting) => Ok(greeting),
            None => initialize.await,
        },
        Either::Right((Ok(greeting), _)) => Ok(greeting),
        Either::Right((Err(refused), probe)) => discovered(&probe.await?).ok_or(refused),
    }
}

async fn discover(hold: &Arc<Hold>, client: &ClientInfo) -> Result<Response, Error> {
    let params = own::discover(client);
    ask(hold, 1, "server/discover", params.as_bytes()).await
}

fn discovered(response: &Response) -> Option<Greeting> {
    own::is_stateless(response).then(|| (ProtocolVersion::LATEST, own::result(response)))
}

async fn initialized(hold: &Arc<Hold>, response: &Response) -> Result<Greeting, Error> {
    let version = own::agreed(response)?;
    let core = hold.core();
    core.send(&Bytes::from_static(own::INITIALIZED.as_bytes()))
        .await?;
    Ok((version, own::result(response)))
}

async fn ask(hold: &Arc<Hold>, n: u64, method: &str, params: &[u8]) -> Result<Response, Error> {
    let request = own::request(&own::id(n), method, params)?;
    let Some(out) = Mint::Keep.outgoing(&request) else {
        return Err(fault::protocol("a request has an id"));
    };
    let mut answer = Answer::ask(hold, out, OnDrop::Forget).await?;
    loop {
        match answer.next().await {
            Some(Ok(Mail::Frame(_))) => {}
            Some(Ok(Mail::Last(frame))) => match Message::parse(frame.data().clone()) {
                Ok(Message::Response(response)) => return Ok(response),
                _ => return Err(fault::protocol("an answer is no response")),
            },
            Some(Err(error)) => return Err(error),
            None => return Err(fault::unavailable("the link ended")),
        }
    }
}
