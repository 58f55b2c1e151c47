//! Reads as much of CSS as pairs of colours need: rules, nested ones too.

/// A block with its own declarations.
#[derive(Debug)]
pub(super) struct Rule<'a> {
    pub(super) selector: &'a str,
    pub(super) line: usize,
    pub(super) declarations: Vec<(&'a str, &'a str)>,
}

/// The blocks with their own declarations, by the line on which they begin.
pub(super) fn rules(css: &str) -> Vec<Rule<'_>> {
    let (mut open, mut done): (Vec<Rule<'_>>, _) = (Vec::new(), Vec::new());
    let (mut line, mut rest) = (1, css);
    while let Some(end) = rest.find(['{', '}', ';']) {
        let (text, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        line += text.matches('\n').count();
        let mut tail = tail.chars();
        match tail.next() {
            Some('{') => {
                open.push(Rule {
                    selector: text.trim(),
                    line,
                    declarations: Vec::new(),
                });
            }
            mark => {
                let declaration = text.split_once(':').map(|(n, v)| (n.trim(), v.trim()));
                if let (Some(rule), Some(declaration)) = (open.last_mut(), declaration) {
                    rule.declarations.push(declaration);
                }
                if mark == Some('}') {
                    done.extend(open.pop());
                }
            }
        }
        rest = tail.as_str();
    }
    done.sort_by_key(|rule| rule.line);
    done
}

/// The text with each comment as a space and its line feeds.
pub(super) fn without_comments(css: &str) -> String {
    let (mut clean, mut rest) = (String::with_capacity(css.len()), css);
    while let Some((before, comment)) = rest.split_once("/*") {
        clean.push_str(before);
        let (comment, after) = comment.split_once("*/").unwrap_or((comment, ""));
        clean.push(' ');
        clean.extend(comment.matches('\n'));
        rest = after;
    }
    clean.push_str(rest);
    clean
}
