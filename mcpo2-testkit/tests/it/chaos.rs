//! Each harm is done where the script says, and to nothing else.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use mcpo2_testkit::chaos::{Act, Chaos, Script};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// A server that says back what it hears, behind a greeting.
async fn echo(greeting: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                if to.write_all(greeting.as_bytes()).await.is_ok() {
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                }
            });
        }
    });
    address
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.unwrap()
}

async fn proxy() -> Chaos {
    Chaos::before(echo("hello ").await).await.unwrap()
}

/// Says this, ends its own side, and gives what came until the end, and how that was.
async fn talk(chaos: &Chaos, text: &[u8]) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(chaos.address()).await.unwrap();
    let said = match stream.write_all(text).await {
        Ok(()) => stream.shutdown().await,
        broken => broken,
    };
    let mut heard = Vec::new();
    let end = soon(stream.read_to_end(&mut heard)).await;
    (heard, end.and(said).err().map(|error| error.kind()))
}

#[tokio::test]
async fn without_a_script_everything_passes() {
    let chaos = proxy().await;
    let long = vec![b'x'; 1 << 20];
    let (heard, end) = talk(&chaos, &long).await;
    assert_eq!((heard.len(), end), (6 + long.len(), None));
    let seen = soon(chaos.wait_for(|seen| seen.open == 0)).await;
    assert_eq!(
        (seen.accepted, seen.left, seen.up, seen.down),
        (1, 1, long.len(), long.len() + 6)
    );
}

#[tokio::test]
async fn a_text_is_found_however_it_is_cut_and_what_is_behind_it_is_not_passed() {
    let chaos = proxy().await;
    chaos.next(
        Script::default()
            .down(Act::PassUntil("lo w".into()))
            .down(Act::Cut),
    );
    let (heard, end) = talk(&chaos, b"world").await;
    assert_eq!((&*heard, end), (b"hello w".as_slice(), None));
    let trickled = Script::default()
        .up(Act::Trickle(5, Duration::from_millis(1)))
        .down(Act::PassUntil("worl".into()))
        .down(Act::Cut);
    chaos.next(trickled);
    assert_eq!(talk(&chaos, b"world").await.0, b"hello worl");
}

#[tokio::test]
async fn a_reset_is_no_end_in_good_order() {
    let chaos = proxy().await;
    chaos.next(Script::reset());
    let (heard, end) = talk(&chaos, b"").await;
    assert!(heard.is_empty() && end.is_some(), "{end:?}");
    chaos.next(Script::default().down(Act::Pass(3)).down(Act::Reset));
    let mut stream = TcpStream::connect(chaos.address()).await.unwrap();
    let mut heard = [0; 3];
    soon(stream.read_exact(&mut heard)).await.unwrap();
    let end = soon(stream.read_u8()).await.unwrap_err();
    assert_eq!((&heard, end.kind()), (b"hel", ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn bytes_are_garbled_and_words_put_in_where_the_script_says() {
    let chaos = proxy().await;
    let script = Script::default()
        .down(Act::Pass(1))
        .down(Act::Garble(2))
        .down(Act::Say("[so]".into()));
    chaos.next(script);
    let (heard, _) = talk(&chaos, b"you").await;
    assert_eq!(
        heard,
        [b'h', b'e' ^ 0x80, b'l' ^ 0x80]
            .iter()
            .chain(b"[so]lo you")
            .copied()
            .collect::<Vec<_>>()
    );
    assert!(String::from_utf8(heard).is_err());
}

#[tokio::test]
async fn what_is_held_goes_on_when_it_is_released_and_no_sooner() {
    let chaos = proxy().await;
    chaos.next(Script::default().down(Act::Pass(2)).down(Act::Hold));
    let mut stream = TcpStream::connect(chaos.address()).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    let seen = soon(chaos.wait_for(|seen| seen.up == 1 && seen.down == 2)).await;
    assert_eq!(seen.down, 2);
    chaos.release();
    let mut heard = [0; 7];
    soon(stream.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello x");
}

#[tokio::test]
async fn a_closed_door_refuses_and_opens_again_on_the_same_port() {
    let chaos = proxy().await;
    for _ in 0..3 {
        chaos.close_door().await;
        let refused = TcpStream::connect(chaos.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        chaos.open_door().await;
        assert_eq!(talk(&chaos, b"x").await.0, b"hello x");
    }
    assert_eq!(chaos.seen().accepted, 3);
}

#[tokio::test]
async fn scripts_wait_for_their_connections_and_can_change_while_it_runs() {
    let chaos = proxy().await;
    chaos.all(Script::default().down(Act::Cut));
    chaos.next(Script::default().down(Act::Pass(1)).down(Act::Cut));
    chaos.next(Script::default().down(Act::Pass(2)).down(Act::Cut));
    assert_eq!(talk(&chaos, b"").await.0, b"h");
    assert_eq!(talk(&chaos, b"").await.0, b"he");
    assert_eq!(talk(&chaos, b"").await.0, b"");
    chaos.all(Script::default());
    chaos.lead_to(echo("moved ").await);
    assert_eq!(talk(&chaos, b"on").await.0, b"moved on");
    let mut stream = TcpStream::connect(chaos.address()).await.unwrap();
    soon(chaos.wait_for(|seen| seen.open == 1)).await;
    chaos.reset();
    let mut heard = Vec::new();
    assert!(soon(stream.read_to_end(&mut heard)).await.is_err());
}
