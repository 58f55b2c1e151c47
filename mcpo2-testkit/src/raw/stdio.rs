//! Canned answers over standard input and output.

use std::io::{BufRead, Result, Write};

use super::{
    canned::{Answer, Body, Canned},
    request::Request,
};

/// Answers line by line until the input ends, and copies each line to `log` before it is answered.
///
/// A message is a line, so canned messages must not contain a line feed. What an answer says of
/// HTTP is ignored.
///
/// # Errors
///
/// If the input, the output or the log fails.
pub fn serve_stdio(
    canned: &Canned,
    mut input: impl BufRead,
    mut output: impl Write,
    mut log: impl Write,
) -> Result<()> {
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        log.write_all(&line)?;
        log.flush()?;
        if let Some(request) = Request::parse(&line)
            && let Some(answer) = canned.answer(&request)
        {
            for message in messages(&answer) {
                output.write_all(&request.fill(message))?;
                output.write_all(b"\n")?;
            }
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}

fn messages(answer: &Answer) -> &[bytes::Bytes] {
    match &answer.body {
        Body::Json(message) => std::slice::from_ref(message),
        Body::Messages(messages) => messages,
        Body::Stream(_) | Body::Endless(..) | Body::Never => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_with_the_canned_bytes_and_logged_as_it_came() {
        let canned = Canned::default().with("ping", Answer::result(r#"{ "b":1,"a" : 2 }"#));
        let input = b"{ \"id\":7,\"method\":\"ping\" }\r\n{\"method\":\"n\"}\n";
        let (mut output, mut log) = (Vec::new(), Vec::new());
        serve_stdio(&canned, &input[..], &mut output, &mut log).unwrap();
        assert_eq!(
            String::from_utf8(output).unwrap(),
            "{\"result\":{ \"b\":1,\"a\" : 2 },\"vendorEnvelope\":[1.0,1],\"id\":7,\"jsonrpc\":\"2.0\"}\n",
        );
        assert_eq!(log, input);
    }
}
