use super::{Language, SymbolKind};

type Found<'a> = Option<(SymbolKind, &'a str)>;

/// What a line defines: its kind and name. The line has no white space in front; `indent` says how much there was.
pub(super) fn definition(language: Language, line: &str, indent: usize) -> Found<'_> {
    use Language as L;
    match language {
        L::Rust => rust(line),
        L::Go => go(line, indent),
        L::Python => python(line, indent),
        L::JavaScript | L::TypeScript => script(line, indent),
        L::Java | L::CSharp | L::Kotlin | L::Scala | L::Swift | L::Php => object(line),
        L::C | L::Cpp => c(line, indent),
        L::Ruby => ruby(line),
        L::Shell => shell(line),
        L::Markdown => heading(line, indent),
        L::Toml => table(line),
        L::Yaml => key(line, indent),
        L::Proto => keyword(line, &["message", "service", "rpc", "enum"], &[]),
        L::Make => rule(line, indent),
        _ => None,
    }
}

fn rust(line: &str) -> Found<'_> {
    let line = visibility(line);
    if let Some(rest) = line.strip_prefix("macro_rules!") {
        return Some((SymbolKind::Function, name(rest.trim_start())?));
    }
    if let Some(rest) = line.strip_prefix("impl") {
        return (rest.starts_with([' ', '<']))
            .then(|| implemented(rest))
            .flatten();
    }
    let line = skip(
        line,
        &["default", "async", "unsafe", "extern", "\"C\"", "auto"],
    );
    if let Some(rest) = line.strip_prefix("const ")
        && let found @ Some(_) = keyword(rest, &["fn"], &["async", "unsafe", "extern"])
    {
        return found;
    }
    let (word, rest) = line.split_once(' ')?;
    let kind = match word {
        "fn" => SymbolKind::Function,
        "struct" | "enum" | "union" | "trait" | "type" => SymbolKind::Type,
        "mod" => SymbolKind::Module,
        "const" | "static" => SymbolKind::Value,
        _ => return None,
    };
    Some((kind, name(rest.strip_prefix("mut ").unwrap_or(rest))?))
}

/// `pub`, `pub(crate)` and the like fall away.
fn visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else {
        return line;
    };
    match rest.strip_prefix('(') {
        Some(rest) => rest
            .split_once(')')
            .map_or(line, |(_, rest)| rest.trim_start()),
        None => rest.strip_prefix(' ').unwrap_or(line),
    }
}

/// The type of `impl<T> Trait for Type<T>`.
fn implemented(rest: &str) -> Found<'_> {
    let rest = rest.split(" where ").next().unwrap_or(rest);
    let subject = match rest.rsplit_once(" for ") {
        Some((_, subject)) => subject,
        None => behind_generics(rest),
    };
    let subject = subject.trim_start().trim_start_matches(['&', '(']);
    let path = subject.split(['<', ' ', '{', ',', ')']).next()?;
    Some((SymbolKind::Type, name(path.rsplit("::").next()?)?))
}

fn behind_generics(rest: &str) -> &str {
    let mut depth = 0_usize;
    if !rest.starts_with('<') {
        return rest;
    }
    for (at, c) in rest.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return rest.get(at + 1..).unwrap_or_default();
        }
    }
    rest
}

fn go(line: &str, indent: usize) -> Found<'_> {
    if indent > 0 {
        return None;
    }
    if let Some(rest) = line.strip_prefix("func ") {
        let rest = match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(')')?.1.trim_start(),
            None => rest,
        };
        return Some((SymbolKind::Function, name(rest)?));
    }
    let (word, rest) = line.split_once(' ')?;
    match word {
        "type" => Some((SymbolKind::Type, name(rest)?)),
        "var" | "const" => Some((SymbolKind::Value, name(rest)?)),
        _ => None,
    }
}

fn python(line: &str, indent: usize) -> Found<'_> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    if let Some(rest) = line.strip_prefix("def ") {
        return Some((SymbolKind::Function, name(rest)?));
    }
    if let Some(rest) = line.strip_prefix("class ") {
        return Some((SymbolKind::Type, name(rest)?));
    }
    let (left, _) = line.split_once('=').filter(|_| indent == 0)?;
    let left = left.split(':').next()?.trim_end();
    (name(left)? == left).then_some((SymbolKind::Value, left))
}

fn script(line: &str, indent: usize) -> Found<'_> {
    let line = skip(line, &["export", "default", "declare", "async", "abstract"]);
    let found = keyword(
        line,
        &[
            "function",
            "function*",
            "class",
            "interface",
            "type",
            "enum",
            "namespace",
            "module",
        ],
        &[],
    );
    if found.is_some() {
        return found;
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    if matches!(word, "const" | "let" | "var") && (indent == 0 || rest.contains("=>")) {
        return Some((SymbolKind::Value, name(rest)?));
    }
    if indent == 0 {
        return None;
    }
    method(skip(
        line,
        &[
            "public",
            "private",
            "protected",
            "static",
            "readonly",
            "override",
            "get",
            "set",
            "async",
        ],
    ))
}

fn object(line: &str) -> Found<'_> {
    const MODIFIERS: &[&str] = &[
        "public",
        "private",
        "protected",
        "internal",
        "static",
        "final",
        "abstract",
        "sealed",
        "open",
        "override",
        "async",
        "partial",
        "virtual",
        "inline",
        "suspend",
        "data",
        "case",
        "export",
        "fileprivate",
        "mutating",
        "default",
        "synchronized",
        "readonly",
        "lazy",
        "implicit",
    ];
    let line = skip(line, MODIFIERS);
    let found = keyword(
        line,
        &[
            "class",
            "interface",
            "enum",
            "record",
            "struct",
            "trait",
            "object",
            "protocol",
            "extension",
            "fun",
            "func",
            "def",
            "function",
            "namespace",
            "@interface",
        ],
        &[],
    );
    found.or_else(|| method(line))
}

fn c(line: &str, indent: usize) -> Found<'_> {
    if let Some(rest) = line.strip_prefix("#define ") {
        return Some((SymbolKind::Value, name(rest)?));
    }
    let plain = skip(
        line,
        &["typedef", "static", "inline", "extern", "constexpr"],
    );
    let found = keyword(
        plain,
        &["struct", "class", "enum", "union", "namespace"],
        &["class"],
    );
    if found.is_some() && !line.contains('(') && !line.ends_with(';') {
        return found;
    }
    if indent > 8 { None } else { method(line) }
}

/// `Type name(arguments) {`, as C and its children write a function.
fn method(line: &str) -> Found<'_> {
    const CONTROL: &[&str] = &[
        "if", "for", "while", "switch", "return", "else", "catch", "do", "new", "throw", "case",
        "await", "yield", "foreach", "using", "lock", "assert", "sizeof", "delete", "elif",
        "elseif", "try", "match", "not", "in", "super", "this",
    ];
    let open = line.find('(')?;
    let before = line.get(..open)?;
    let first = before.split([' ', '.']).next()?;
    let opens =
        line.ends_with('{') || line.ends_with(')') || line.ends_with(',') || line.ends_with('(');
    let found = before.rsplit([' ', '*', '&', ':', '~']).next()?;
    let whole = before
        .trim_start_matches('#')
        .split([' ', '*', '&', ':', '<', '>', ',', '[', ']', '?', '~', '.']);
    let clean = whole
        .clone()
        .all(|word| word.is_empty() || name(word) == Some(word));
    let calls = before.contains('=') || before.contains('.') || CONTROL.contains(&first);
    if !opens || !clean || calls || CONTROL.contains(&found) || line.starts_with(['@', '*', '/']) {
        return None;
    }
    // A call that stands alone has no type in front, and does not open a block.
    let declared = before.contains(' ') || line.ends_with('{');
    declared
        .then(|| Some((SymbolKind::Function, name(found)?)))
        .flatten()
}

fn ruby(line: &str) -> Found<'_> {
    let (word, rest) = line.split_once(' ')?;
    let rest = rest.strip_prefix("self.").unwrap_or(rest);
    match word {
        "def" => Some((SymbolKind::Function, name(rest)?)),
        "class" => Some((SymbolKind::Type, name(rest)?)),
        "module" => Some((SymbolKind::Module, name(rest)?)),
        _ => None,
    }
}

fn shell(line: &str) -> Found<'_> {
    if let Some(rest) = line.strip_prefix("function ") {
        return Some((SymbolKind::Function, name(rest)?));
    }
    let found = name(line)?;
    let rest = line.get(found.len()..)?.trim_start();
    rest.starts_with("()")
        .then_some((SymbolKind::Function, found))
}

fn heading(line: &str, indent: usize) -> Found<'_> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    let text = rest.trim().trim_end_matches('#').trim_end();
    (indent == 0 && (1..=6).contains(&level) && rest.starts_with(' ') && !text.is_empty())
        .then_some((SymbolKind::Heading, text))
}

fn table(line: &str) -> Found<'_> {
    let inner = line.strip_prefix('[')?.trim_start_matches('[');
    let text = inner.split(']').next()?.trim();
    (!text.is_empty() && !text.contains(['"', ','])).then_some((SymbolKind::Key, text))
}

fn key(line: &str, indent: usize) -> Found<'_> {
    let (left, _) = line.split_once(':').filter(|_| indent <= 2)?;
    (name(left)?.len() + 1 >= left.len() && !left.is_empty()).then_some((SymbolKind::Key, left))
}

fn rule(line: &str, indent: usize) -> Found<'_> {
    let (left, rest) = line.split_once(':').filter(|_| indent == 0)?;
    (name(left)? == left && !rest.starts_with('=')).then_some((SymbolKind::Function, left))
}

/// One of these words and, maybe behind another, a name.
fn keyword<'a>(line: &'a str, words: &[&str], between: &[&str]) -> Found<'a> {
    let (word, rest) = line.split_once(' ')?;
    let kind = match word {
        _ if !words.contains(&word) => return None,
        "fn" | "func" | "fun" | "def" | "function" | "function*" | "rpc" => SymbolKind::Function,
        "mod" | "namespace" | "module" | "package" => SymbolKind::Module,
        _ => SymbolKind::Type,
    };
    let rest = skip(rest, between);
    Some((kind, name(rest)?))
}

/// The line without these words in front, as often as they stand there.
fn skip<'a>(mut line: &'a str, words: &[&str]) -> &'a str {
    while let Some((word, rest)) = line.split_once(' ') {
        if !words.contains(&word) {
            break;
        }
        line = rest.trim_start();
    }
    line
}

/// The identifier at the beginning.
fn name(text: &str) -> Option<&str> {
    let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '-'));
    let end = text.find(ends).unwrap_or(text.len());
    let found = text.get(..end)?.trim_end_matches('-');
    let starts = found.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$'));
    (starts && found.len() <= 200).then_some(found)
}
