/// A URI template of RFC 6570, as far as it takes to tell whose a URI is.
///
/// Each expression stands for any text, one without `/` unless it has an operator that lets it
/// hold one.
#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Literal(Box<str>),
    Segment,
    Path,
}

impl Template {
    pub(super) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, behind)) = rest.split_once('{') {
            let Some((expression, after)) = behind.split_once('}') else {
                break;
            };
            parts.push(Part::Literal(literal.into()));
            let open = expression.starts_with(['+', '#', '/', '?', '&', ';']);
            parts.push(if open { Part::Path } else { Part::Segment });
            rest = after;
        }
        parts.push(Part::Literal(rest.into()));
        Self(parts)
    }

    pub(super) fn matches(&self, uri: &str) -> bool {
        // The ends of all prefixes of `uri` that the parts so far can make.
        let mut ends = vec![0];
        for part in &self.0 {
            ends = match part {
                Part::Literal(literal) => ends
                    .into_iter()
                    .filter(|&at| {
                        uri.get(at..)
                            .is_some_and(|rest| rest.starts_with(&**literal))
                    })
                    .map(|at| at + literal.len())
                    .collect(),
                Part::Segment => reachable(uri, &ends, |byte| byte == b'/'),
                Part::Path => reachable(uri, &ends, |_| false),
            };
            if ends.is_empty() {
                return false;
            }
        }
        ends.contains(&uri.len())
    }
}

/// All places from one of `from` up to the first byte that stops.
fn reachable(uri: &str, from: &[usize], stops: impl Fn(u8) -> bool) -> Vec<usize> {
    let mut reached: Vec<usize> = Vec::new();
    for &start in from {
        if reached.last().is_some_and(|&last| last >= start) {
            continue;
        }
        let rest = uri.as_bytes().get(start..).unwrap_or_default();
        let length = rest.iter().take_while(|&&byte| !stops(byte)).count();
        reached.extend(start..=start + length);
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_matches_what_it_can_make() {
        let template = Template::new("test://template/{id}/data");
        assert!(template.matches("test://template/1/data"));
        assert!(!template.matches("test://template/1/2/data"));
        assert!(!template.matches("test://template/1/data/x"));
        assert!(Template::new("file:///{+path}").matches("file:///a/b"));
        assert!(Template::new("a:{x}{y}").matches("a:"));
        assert!(Template::new("a:{x}-{y}").matches("a:1-2-3"));
        assert!(!Template::new("a:{x").matches("a:1"));
    }
}
