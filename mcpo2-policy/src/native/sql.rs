//! The verbs of a text of SQL, as any database could read it.
//!
//! No dialect is parsed. A verb counts wherever it stands outside quotes and comments, even as the
//! name of a column: so a text has no fewer verbs than any database finds in it, and to say that it
//! has no other than these is safe. Where databases differ about what is quoted, there is no
//! reading.

use std::collections::BTreeSet;

/// What changes data, the schema, rights, files or the session, or reads. The first word of a
/// statement counts even where it is none of these.
const VERBS: &[&str] = &[
    "alter",
    "analyze",
    "attach",
    "backup",
    "begin",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "deny",
    "describe",
    "detach",
    "discard",
    "do",
    "drop",
    "dumpfile",
    "exec",
    "execute",
    "explain",
    "export",
    "fetch",
    "flush",
    "grant",
    "handler",
    "import",
    "insert",
    "install",
    "into",
    "kill",
    "listen",
    "load",
    "lock",
    "merge",
    "notify",
    "optimize",
    "outfile",
    "pragma",
    "prepare",
    "reassign",
    "refresh",
    "reindex",
    "release",
    "rename",
    "repair",
    "replace",
    "reset",
    "restore",
    "revoke",
    "rollback",
    "savepoint",
    "select",
    "set",
    "show",
    "shutdown",
    "start",
    "truncate",
    "uninstall",
    "unload",
    "unlock",
    "update",
    "upsert",
    "use",
    "vacuum",
];

/// The verbs of a text, in lower case; none where it has no statement, or no single reading.
pub(crate) fn verbs(text: &str) -> Option<BTreeSet<String>> {
    let mut scanner = Scanner {
        rest: text,
        verbs: BTreeSet::new(),
        begins: true,
    };
    while !scanner.rest.is_empty() {
        scanner.step()?;
    }
    (!scanner.verbs.is_empty()).then_some(scanner.verbs)
}

struct Scanner<'a> {
    rest: &'a str,
    verbs: BTreeSet<String>,
    /// Whether the next word is the first of a statement.
    begins: bool,
}

impl Scanner<'_> {
    /// Takes what comes next; none where it can be read in two ways.
    fn step(&mut self) -> Option<()> {
        let next = self.rest.chars().next()?;
        match next {
            '\'' | '"' | '`' => self.quoted(next),
            '-' if self.rest.starts_with("--") => self.line_comment(),
            '/' if self.rest.starts_with("/*") => self.block_comment(),
            '[' => self.bracket(),
            // A comment to one, an operator to the other.
            '#' | '\\' => None,
            '$' => self.parameter(),
            ';' => {
                self.begins = true;
                self.skip(1)
            }
            'a'..='z' | 'A'..='Z' | '_' => self.word(),
            ' ' | '\t' | '\r' | '\n' => self.skip(1),
            ' '..='~' => self.skip(1),
            // White space to one, a letter to the other.
            _ => None,
        }
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !inside(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        // `$` belongs to the word for some, and begins a quote for others.
        if rest.starts_with('$') {
            return None;
        }
        let word = word.to_ascii_lowercase();
        let begins = std::mem::take(&mut self.begins) && word != "with";
        let is_function = matches!(&*word, "replace" | "truncate" | "insert")
            && rest.trim_ascii_start().starts_with('(');
        if begins || (VERBS.contains(&&*word) && !is_function) {
            self.verbs.insert(word);
        }
        self.rest = rest;
        Some(())
    }

    /// A quote that ends with the same mark; a doubled mark stands for itself. A backslash before a
    /// mark is an escape for some only.
    fn quoted(&mut self, mark: char) -> Option<()> {
        let inner = self.rest.get(1..)?;
        let end = inner.find(mark)?;
        if inner.get(..end)?.contains('\\') {
            return None;
        }
        // The doubled mark begins a second quote right behind the first, with the same end.
        self.rest = inner.get(end + 1..)?;
        Some(())
    }

    fn line_comment(&mut self) -> Option<()> {
        let line = self.rest.get(2..)?;
        let begins = line.is_empty() || line.starts_with([' ', '\t', '\r', '\n']);
        if !begins {
            return None;
        }
        let line = line.split('\n').next()?;
        // Some end the line there too.
        if line.trim_end_matches('\r').contains('\r') {
            return None;
        }
        self.skip(2 + line.len())
    }

    /// Nested to some, and code to others when it begins with a mark.
    fn block_comment(&mut self) -> Option<()> {
        let inner = self.rest.get(2..)?;
        let end = inner.find("*/")?;
        let comment = inner.get(..end)?;
        if comment.contains("/*") || comment.starts_with(['!', '+', 'M']) {
            return None;
        }
        self.skip(end + 4)
    }

    /// An array to some, and a name in quotes to others.
    fn bracket(&mut self) -> Option<()> {
        let inner = self.rest.get(1..)?;
        let quoted = inner.get(..inner.find(']')?)?;
        let hides = quoted.contains(['\'', '"', '`', ';']);
        if hides || quoted.contains("--") || quoted.contains("/*") {
            return None;
        }
        self.skip(1)
    }

    /// `$1` is a parameter; `$$` and `$tag$` begin a quote for some.
    fn parameter(&mut self) -> Option<()> {
        let digits = self.rest.get(1..)?.bytes();
        let digits = digits.take_while(u8::is_ascii_digit).count();
        let behind = self.rest.get(1 + digits..)?;
        if digits == 0 || behind.starts_with('$') {
            return None;
        }
        self.skip(1 + digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        verbs(text).map(|verbs| verbs.into_iter().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn every_verb_outside_quotes_counts() {
        for (text, expected) in [
            ("SELECT 1", "select"),
            ("  (select a from t where b = 'drop table x') ", "select"),
            (
                "with x as (delete from t returning *) select * from x",
                "delete select",
            ),
            ("select 1; DROP TABLE t", "drop select"),
            ("select * into copy_of from t", "into select"),
            ("explain analyze delete from t", "analyze delete explain"),
            ("select replace(a, 'x', 'y') from t", "select"),
            ("select \"delete\" from t -- drop\n", "select"),
            ("select 1 /* drop */ ; ", "select"),
            ("select 'it''s', $1 from t where a[1] = 2", "select"),
            ("select 1;frobnicate all", "frobnicate select"),
            ("-- nothing\nselect 1", "select"),
            ("do$1", ""),
        ] {
            let expected = Some(expected.to_owned()).filter(|text| !text.is_empty());
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn what_databases_read_differently_has_no_reading() {
        for text in [
            "",
            "  ;; ",
            "select 'a\\' , ' ; drop table t; -- '",
            "select 1 # drop",
            "select 1 --drop\n",
            "select /*! 1; drop table t */ 1",
            "select /* /* */ 1; drop table t; -- */",
            "select $$ ; drop $$",
            "select $q$ ' $q$",
            "select a$b",
            "select [a'b] ; drop table t --']",
            "select 'open",
            "select 1 -- a\rdrop table t",
            "select\u{a0}1",
            "select 1\0",
        ] {
            assert_eq!(found(text), None, "{text:?}");
        }
    }
}
