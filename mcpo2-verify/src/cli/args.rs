use std::collections::VecDeque;

/// Options that have a value; all others have none.
const VALUED: [&str; 9] = [
    "--key", "--trust", "--since", "--window", "--record", "--field", "--salt", "--value",
    "--ledger",
];
const FLAGS: [&str; 5] = ["--json", "--values", "--print", "--help", "--version"];

/// The words of a command line, taken one after the other. What is left over is an error.
pub(crate) struct Args {
    words: VecDeque<String>,
    options: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Args {
    pub(crate) fn parse(words: Vec<String>) -> Result<Self, String> {
        let mut args = Self {
            words: VecDeque::new(),
            options: Vec::new(),
            flags: Vec::new(),
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            if VALUED.contains(&name) {
                let value = value.or_else(|| words.next());
                let value = value.ok_or_else(|| format!("{name} has no value"))?;
                args.options.push((name.to_owned(), value));
            } else if FLAGS.contains(&name) && value.is_none() {
                args.flags.push(word);
            } else if name.starts_with("--") {
                return Err(format!("{name} is no option"));
            } else {
                args.words.push_back(word);
            }
        }
        Ok(args)
    }

    /// The next word that is no option.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    pub(crate) fn word(&mut self, what: &str) -> Result<String, String> {
        self.next().ok_or_else(|| format!("{what} is missing"))
    }

    pub(crate) fn number(&mut self, what: &str) -> Result<u64, String> {
        number(&self.word(what)?)
    }

    /// Whether the flag is there; it is then taken.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.flags.len();
        self.flags.retain(|flag| flag != name);
        self.flags.len() < before
    }

    /// The value of an option that may be there once.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>, String> {
        let mut values = self.all(name);
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(format!("{name} is there more than once")),
        }
    }

    /// The values of an option, in the order in which they stand.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        let options = std::mem::take(&mut self.options);
        let (named, others) = options.into_iter().partition(|(option, _)| option == name);
        self.options = others;
        let named: Vec<(String, String)> = named;
        named.into_iter().map(|(_, value)| value).collect()
    }

    pub(crate) fn finish(self) -> Result<(), String> {
        let option = self.options.into_iter().map(|(name, _)| name).next();
        let left = option.or(self.flags.into_iter().next());
        match left.or(self.words.into_iter().next()) {
            Some(word) => Err(format!("{word} does not belong to this command")),
            None => Ok(()),
        }
    }
}

pub(crate) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}
