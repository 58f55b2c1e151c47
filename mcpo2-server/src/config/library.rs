use std::{path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bucket,
    unit::{duration, size},
};

/// What the gateway keeps for its tenants beyond one process: uploads, and trees that the operator
/// put there, read by references that it signs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Library {
    /// Its directory, which `mcpo2 artifact` knows too: blobs, keys, uploads. One process at a time
    /// may use it.
    pub dir: PathBuf,
    /// Keeps blobs in a bucket, and not below `dir`: keys and uploads stay there. What was put before
    /// is not found any more. It needs a build with the feature `s3`.
    #[serde(default)]
    pub bucket: Option<Bucket>,
    /// The name of the gateway in the references that it signs: `mcpo2+artifact://NAME/r/…`.
    #[serde(default = "gateway")]
    pub authority: String,
    /// Seals blobs with a key of their tenant. What was put before is not found any more.
    #[serde(default)]
    pub seal: bool,
    /// Keeps what has 4 MiB or more in chunks of about 1 MiB, so that contents of a tenant which
    /// differ in a few bytes share the rest. What was put before stays as it is.
    #[serde(default)]
    pub chunks: bool,
    /// What is uploaded at `/v1/artifacts`.
    #[serde(default)]
    pub uploads: Uploads,
    /// The most that one tenant may have.
    #[serde(default)]
    pub limits: TenantLimits,
    /// When what nothing keeps any more goes.
    #[serde(default)]
    pub sweep: Sweep,
}

fn gateway() -> String {
    "gateway".into()
}

/// What is uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Uploads {
    /// How long an upload is kept, finished or not, from when it began.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub keep: Duration,
    /// How long one may be.
    #[serde(with = "size")]
    #[schemars(with = "super::schema::Size")]
    pub max_size: usize,
    /// How long the reference holds that its owner gets, at most a day. To commit it once more gives
    /// another.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub reference: Duration,
    /// What is taken of archives that are committed as the trees in them.
    pub trees: Trees,
}

/// The most that one archive may have in it. Which files are taken is what `mcpo2 artifact manifest`
/// takes: ignore files hold, and what looks like a secret is withheld.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Trees {
    /// Names, directories and what is withheld included.
    pub max_files: u64,
    /// Bytes of all files together.
    #[serde(with = "size")]
    #[schemars(with = "super::schema::Size")]
    pub max_bytes: usize,
}

impl Default for Trees {
    fn default() -> Self {
        Self {
            max_files: 100_000,
            max_bytes: 4 << 30,
        }
    }
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(7 * 86_400),
            max_size: 1 << 30,
            reference: Duration::from_secs(3600),
            trees: Trees::default(),
        }
    }
}

/// The most that one tenant may have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TenantLimits {
    /// Bytes in the store, uploads that go on included.
    #[serde(with = "size")]
    #[schemars(with = "super::schema::Size")]
    pub stored: usize,
    /// Objects in the store.
    pub objects: u64,
    /// Uploads that go on.
    pub uploads: u64,
}

impl Default for TenantLimits {
    fn default() -> Self {
        Self {
            stored: 10 << 30,
            objects: 1_000_000,
            uploads: 100,
        }
    }
}

/// When what nothing keeps any more goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Sweep {
    /// How often it is looked for.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub every: Duration,
    /// How old it is at least.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub grace: Duration,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(3600),
            grace: Duration::from_secs(86_400),
        }
    }
}
