use super::lexer::{Fault, Lexer};

/// What comes next in a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// An object begins.
    Object,
    /// An array begins.
    Array,
    /// The object or array that began last ends.
    End,
    /// The key of the value that comes next: what stands between its quotes.
    Key(&'a str),
    /// A string: what stands between its quotes.
    Text(&'a str),
    /// A number, `true`, `false` or `null`, to the letter.
    Word(&'a str),
}

/// The tokens of a JSON text, in their order. The first [`Fault`] is the last of them.
///
/// It looks at the grammar and nothing else: what two readers could read differently is for
/// [`check`](super::check) to refuse. Time is linear, and memory is bounded by the depth.
///
/// ```
/// use mcpo2_core::json::{Token, tokens};
///
/// let tokens: Result<Vec<_>, _> = tokens(r#"{"a":[1]}"#).collect();
/// let [one, a] = [Token::Word("1"), Token::Key("a")];
/// assert_eq!(tokens.unwrap(), [Token::Object, a, Token::Array, one, Token::End, Token::End]);
/// ```
pub fn tokens(text: &str) -> impl Iterator<Item = Result<Token<'_>, Fault>> {
    let mut tokens = Tokens {
        lexer: Lexer::new(text),
        text,
        open: Vec::new(),
        due: Due::Value,
    };
    let mut over = false;
    std::iter::from_fn(move || {
        let next = if over {
            None
        } else {
            tokens.next().transpose()
        };
        over = !matches!(next, Some(Ok(_)));
        next
    })
}

struct Tokens<'a> {
    lexer: Lexer<'a>,
    text: &'a str,
    open: Vec<Open>,
    due: Due,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    Array,
}

/// What may come next.
#[derive(Clone, Copy)]
enum Due {
    Value,
    Key,
    /// The first of an object or array, or its end.
    First,
    /// A comma, or the end of what is open.
    Comma,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Result<Option<Token<'a>>, Fault> {
        loop {
            self.lexer.space();
            match (self.due, self.open.last(), self.lexer.peek()) {
                (Due::First | Due::Comma, Some(Open::Object), Some(b'}'))
                | (Due::First | Due::Comma, Some(Open::Array), Some(b']')) => {
                    self.open.pop();
                    return Ok(Some(self.pass(Due::Comma, Token::End)));
                }
                (Due::Comma, None, None) => return Ok(None),
                (Due::Comma, Some(open), Some(b',')) => {
                    self.due = match open {
                        Open::Object => Due::Key,
                        Open::Array => Due::Value,
                    };
                    self.lexer.pass();
                }
                (Due::Comma, ..) => {
                    return Err(self.lexer.fault("expected a comma or a closing bracket"));
                }
                (Due::Key, ..) | (Due::First, Some(Open::Object), _) => {
                    return self.key().map(Some);
                }
                (Due::Value | Due::First, ..) => return self.value().map(Some),
            }
        }
    }

    fn key(&mut self) -> Result<Token<'a>, Fault> {
        let key = self.lexer.string()?;
        self.lexer.space();
        self.lexer.expect(b':', "expected a colon")?;
        self.due = Due::Value;
        Ok(Token::Key(key))
    }

    fn value(&mut self) -> Result<Token<'a>, Fault> {
        let (open, token) = match self.lexer.peek() {
            Some(b'{') => (Open::Object, Token::Object),
            Some(b'[') => (Open::Array, Token::Array),
            Some(b'"') => {
                self.due = Due::Comma;
                return self.lexer.string().map(Token::Text);
            }
            _ => {
                let start = self.lexer.at();
                self.lexer.scalar()?;
                self.due = Due::Comma;
                let word = self.text.get(start..self.lexer.at());
                return Ok(Token::Word(word.unwrap_or_default()));
            }
        };
        self.open.push(open);
        Ok(self.pass(Due::First, token))
    }

    fn pass(&mut self, due: Due, token: Token<'a>) -> Token<'a> {
        self.lexer.pass();
        self.due = due;
        token
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::check, *};

    /// The text again, without spaces.
    fn written(text: &str) -> Result<String, Fault> {
        let (mut out, mut open) = (String::new(), Vec::new());
        for token in tokens(text) {
            let token = token?;
            if token == Token::End {
                out.push(open.pop().unwrap());
                continue;
            }
            if !out.is_empty() && !out.ends_with(['{', '[', ':']) {
                out.push(',');
            }
            match token {
                Token::Object => open.push('}'),
                Token::Array => open.push(']'),
                _ => {}
            }
            match token {
                Token::Object => out.push('{'),
                Token::Array => out.push('['),
                Token::Key(key) => out += &format!("\"{key}\":"),
                Token::Text(text) => out += &format!("\"{text}\""),
                Token::Word(word) => out += word,
                Token::End => unreachable!(),
            }
        }
        Ok(out)
    }

    #[test]
    fn tokens_are_the_text_without_its_spaces() {
        for text in [
            r#" { "a" : [ 1e400 , "\u0061\"" , { } , [ ] ] , "b" : null } "#,
            "[[],[{}],\"\",-0.5]",
            "true",
        ] {
            let bare: String = text.split(' ').collect();
            assert_eq!(written(text).unwrap(), bare);
        }
    }

    #[test]
    fn a_fault_is_the_last_that_comes() {
        for text in [
            "",
            "{",
            "[1 2]",
            "[,]",
            "{\"a\"}",
            "{]",
            "[}",
            "{} {}",
            "{\"a\":1,}",
            "[1,]",
        ] {
            let read: Vec<_> = tokens(text).collect();
            assert!(read.last().unwrap().is_err(), "{text}: {read:?}");
            assert_eq!(read.iter().filter(|token| token.is_err()).count(), 1);
        }
    }

    proptest! {
        #[test]
        fn what_the_check_passes_has_tokens(text in r#"[\[\]{}:,"a1 \\]{0,12}"#) {
            // The check refuses more: keys that stand twice, and depth.
            let read = tokens(&text).all(|token| token.is_ok());
            if check(text.as_bytes()).is_ok() {
                prop_assert!(read);
            }
        }
    }
}
