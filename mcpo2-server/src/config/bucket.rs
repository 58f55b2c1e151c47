use schemars::JsonSchema;
use serde::Deserialize;

use super::Secret;

/// A bucket of Amazon S3, or of what speaks like it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Bucket {
    /// `s3://NAME/PREFIX`: which bucket it is, and what the names of all objects begin with. Nothing
    /// else may write below that.
    pub url: String,
    /// Where it is asked for, such as `https://s3.example.com`. If nothing is said, at the address
    /// that Amazon has in the region.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Its region. One that has an endpoint may go without.
    #[serde(default)]
    pub region: Option<String>,
    /// Whether the endpoint may be `http://`: all that is kept there goes over the network in clear
    /// then.
    #[serde(default)]
    pub allow_http: bool,
    /// The id of the key that requests are signed with.
    pub access_key_id: String,
    /// The key itself, such as `${file:/run/secrets/bucket}`.
    #[schemars(with = "String")]
    pub secret_access_key: Secret,
}
