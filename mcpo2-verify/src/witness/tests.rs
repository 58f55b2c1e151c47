use proptest::prelude::*;

use super::*;
use crate::testing::Pair;

/// From <https://c2sp.org/tlog-witness>.
const REQUEST: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";
const REPLY: &str = "— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
";

#[test]
fn request_of_the_specification_reads_and_writes() {
    let request = AddCheckpoint::parse(REQUEST.as_bytes()).unwrap();
    assert_eq!(request.old(), 20_852_014);
    assert_eq!(request.proof().len(), 4);
    assert_eq!(request.checkpoint().note().signatures().len(), 2);
    assert_eq!(request.to_string(), REQUEST);
}

#[test]
fn malformed_requests_are_refused() {
    let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
    assert!(AddCheckpoint::parse(REQUEST.replace(hash, &hash.repeat(60)).as_bytes()).is_ok());
    let wrong = [
        REQUEST.replace(hash, &hash.repeat(61)),
        REQUEST.replace("old 20852014\n", ""),
        REQUEST.replace("old 20852014", "old 020852014"),
        REQUEST.replace("old 20852014", "Old 20852014"),
        REQUEST.replace("old 20852014", "old 20852014 "),
        REQUEST.replace("old 20852014\n", "old 20852014\r\n"),
        REQUEST.replace(hash, "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkQ==\n"),
        REQUEST.replace("\n\nexample", "\nexample"),
        REQUEST.replace("\n20852163\n", "\n-1\n"),
        REQUEST.trim_end().to_owned(),
        " ".repeat(AddCheckpoint::MAX_BYTES + 1),
    ];
    for request in wrong {
        assert!(AddCheckpoint::parse(request.as_bytes()).is_err());
    }
}

#[test]
fn reply_of_the_specification_reads_and_writes() {
    let reply = Reply::parse(200, None, REPLY.as_bytes()).unwrap();
    assert!(matches!(&reply, Reply::Cosigned(lines) if lines.len() == 3));
    assert_eq!(reply.body(), REPLY);
}

#[test]
fn each_reply_is_read_as_it_was_written() {
    let line = Pair::witness("w.example", 1).cosign("text\n", 7);
    let replies = [
        Reply::Cosigned(vec![line]),
        Reply::Malformed,
        Reply::Forbidden,
        Reply::UnknownLog,
        Reply::Conflict(u64::MAX),
        Reply::Inconsistent,
        Reply::Other(503),
    ];
    for reply in replies {
        let body = reply.body();
        let read = Reply::parse(reply.status(), Some(reply.content_type()), body.as_bytes());
        assert_eq!(read, Ok(reply));
    }
}

#[test]
fn malformed_replies_are_refused() {
    let size = Some(Reply::SIZE_TYPE);
    for body in ["", "\n", "7", "07\n", "7\n\n", "-7\n", "seven\n"] {
        let reply = Reply::parse(409, size, body.as_bytes());
        assert_eq!(reply, Err(ReplyError::Size), "{body:?}");
    }
    assert_eq!(
        Reply::parse(409, Some("text/plain"), b"7\n"),
        Err(ReplyError::Size)
    );
    assert_eq!(Reply::parse(409, None, b"7\n"), Err(ReplyError::Size));
    let unended = REPLY.trim_end();
    for body in [
        "",
        "\n",
        "none\n",
        unended,
        &REPLY.replacen('\n', "\n\n", 1),
    ] {
        let reply = Reply::parse(200, None, body.as_bytes());
        assert!(matches!(reply, Err(ReplyError::Signatures(_))), "{body:?}");
    }
    let long = " ".repeat(Reply::MAX_BYTES + 1);
    assert_eq!(
        Reply::parse(503, None, long.as_bytes()),
        Err(ReplyError::TooLong)
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        status in prop::sample::select(vec![0, 200, 400, 403, 404, 409, 422, 503]),
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        lines in "old [0-9]{1,3}\n([A-Za-z0-9+/]{42}[AEIM]=\n){0,3}",
    ) {
        let _ = Reply::parse(status, Some(Reply::SIZE_TYPE), &bytes);
        let _ = AddCheckpoint::parse(&bytes);
        let note = Pair::log("a.example", 1).checkpoint(3, [3; 32]);
        let body = format!("{lines}\n{note}");
        if let Ok(request) = AddCheckpoint::parse(body.as_bytes()) {
            prop_assert_eq!(request.to_string(), body);
        }
    }
}
