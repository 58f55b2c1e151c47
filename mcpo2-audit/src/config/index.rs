use std::fmt;

use serde::{Deserialize, Serialize};

/// Where the ledger is searched. No record waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IndexConfig {
    /// In a file beside it, by SQLite: whoever searches brings it up to date first.
    #[default]
    Sqlite,
    /// In PostgreSQL, kept up to date while the ledger is written: `url` is a URL or a connection
    /// string, and a secret; `schema` is `mcpo2_audit` if nothing is said, and each ledger needs
    /// one of its own. For programs that are built with the feature `postgres`.
    #[serde(skip_serializing)]
    Postgres(PostgresConfig),
}

impl IndexConfig {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// An index in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PostgresConfig {
    /// Where it is: a URL or a connection string. Over TCP, the connection is under TLS and the
    /// certificate is verified, unless it says `sslmode=disable`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub url: ConnectionString,
    /// The schema that is the index's own: 1 to 63 of `a-z`, `0-9` and `_`, a letter first.
    #[serde(default)]
    pub schema: Option<String>,
}

impl PostgresConfig {
    /// The index at this URL, in the schema `mcpo2_audit`.
    pub fn new(url: impl Into<ConnectionString>) -> Self {
        Self {
            url: url.into(),
            schema: None,
        }
    }

    /// The options that it stands for, for the ledger of this origin.
    ///
    /// # Errors
    ///
    /// Where the URL is none, or the schema has no name that it may have.
    #[cfg(feature = "postgres")]
    pub fn compile(
        &self,
        ledger: &str,
    ) -> Result<crate::index::PostgresOptions, crate::index::Error> {
        let options = crate::index::PostgresOptions::new(self.url.expose(), ledger)?;
        match &self.schema {
            Some(schema) => options.with_schema(schema),
            None => Ok(options),
        }
    }
}

/// How a database is reached: a text that may hold a password, and that `Debug` hides.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ConnectionString(String);

impl ConnectionString {
    /// The text, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for ConnectionString {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for ConnectionString {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionString(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn connection_string_is_shown_and_written_nowhere() {
        let text = r#"{"dir":"audit","index":{"postgres":{"url":"host=x password=hunter2"}}}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        let IndexConfig::Postgres(postgres) = &config.index else {
            panic!("{config:?}")
        };
        assert_eq!(postgres.url.expose(), "host=x password=hunter2");
        assert!(!format!("{config:?}").contains("hunter2"));
        serde_json::to_string(&config).unwrap_err();
        let plain: Config = serde_json::from_str(r#"{"dir":"audit","index":"sqlite"}"#).unwrap();
        assert_eq!(plain, Config::new("audit"));
        assert!(!serde_json::to_string(&plain).unwrap().contains("index"));
    }
}
