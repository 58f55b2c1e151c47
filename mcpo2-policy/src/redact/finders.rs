use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    RedactConfig, RedactError,
    config::BlobsConfig,
    finder::{ALWAYS, BUILT_IN, Finder},
    message::{self, Unredactable},
    text::Chosen,
};

const MOST: usize = 64;

/// The finders of a configuration, by name.
///
/// ```
/// use mcpo2_policy::RedactConfig;
///
/// let finders = RedactConfig::default().compile()?;
/// let reply = r#"{"jsonrpc":"2.0","id":1,"result":{"text":"ask ada@example.com"}}"#;
/// let (blotted, counts) = finders.redact(["email"], reply).unwrap();
/// assert_eq!(blotted, reply.replace("ada@example.com", "[redacted:email]"));
/// assert_eq!(counts["email"], 1);
/// # Ok::<(), mcpo2_policy::RedactError>(())
/// ```
#[derive(Debug)]
pub struct Finders {
    all: BTreeMap<Box<str>, Arc<Finder>>,
    blobs: BlobsConfig,
}

impl Finders {
    pub(super) fn build(config: &RedactConfig) -> Result<Self, RedactError> {
        let always = ALWAYS.as_ref();
        let always = always
            .map_err(|problem| RedactError::new("", problem))?
            .iter()
            .cloned();
        let custom = config.finders.iter().map(|(name, pattern)| {
            check_name(name, config.finders.len())
                .and_then(|()| Finder::custom(name, pattern))
                .map(Arc::new)
                .map_err(|problem| RedactError::new(name, problem))
        });
        let each = always.map(Ok).chain(custom);
        let named = each.map(|finder| finder.map(|finder| (finder.name().into(), finder)));
        let all = named.collect::<Result<_, _>>()?;
        let finders = Self {
            all,
            blobs: config.blobs,
        };
        finders.check_markers()?;
        Ok(finders)
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(AsRef::as_ref)
    }

    /// A message without what these finders find in it, and how often each found something; all
    /// other bytes stay.
    ///
    /// # Errors
    ///
    /// [`Unredactable`] where a finder is not known, the message is no JSON object, or it holds
    /// bytes.
    pub fn redact<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
        message: &str,
    ) -> Result<(String, BTreeMap<Box<str>, u64>), Unredactable> {
        let names: BTreeSet<Box<str>> = names.into_iter().map(Box::from).collect();
        let mut chosen = self.choose(&names).ok_or(Unredactable::UnknownFinder)?;
        let redacted = message::redact(message, &mut chosen, self.blobs)?;
        let text = redacted.unwrap_or_else(|| message.to_owned());
        Ok((text, chosen.take_counts()))
    }

    /// Those of these names; none where one is not known.
    pub(super) fn choose(&self, names: &BTreeSet<Box<str>>) -> Option<Chosen> {
        let each = names.iter().map(|name| self.all.get(name).cloned());
        each.collect::<Option<Vec<_>>>().map(Chosen::new)
    }

    pub(super) fn blobs(&self) -> BlobsConfig {
        self.blobs
    }

    /// What stands in the place of a finding must not be one.
    fn check_markers(&self) -> Result<(), RedactError> {
        for finder in self.all.values() {
            let mut markers = self.all.values().map(|finder| finder.marker());
            if let Some(marker) = markers.find(|marker| !finder.find(marker).is_empty()) {
                let problem = format!("the expression matches in `{marker}`");
                return Err(RedactError::new(finder.name(), problem));
            }
        }
        Ok(())
    }
}

fn check_name(name: &str, count: usize) -> Result<(), String> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(fits) {
        return Err("a name has 1 to 64 of a-z, 0-9, _ and -".into());
    }
    if BUILT_IN.contains(&name) {
        return Err("a finder of this name is built in".into());
    }
    match count > MOST {
        true => Err(format!("there are more than {MOST} finders")),
        false => Ok(()),
    }
}
