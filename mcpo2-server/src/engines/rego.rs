use std::sync::Arc;

use mcpo2_policy::Engine;

use super::Fault;
use crate::config::Rego;

#[cfg(feature = "rego")]
pub(super) fn open(rego: &Rego) -> Result<Arc<dyn Engine>, Fault> {
    real::open(rego)
}

/// In this build there is none.
#[cfg(not(feature = "rego"))]
pub(super) fn open(_: &Rego) -> Result<Arc<dyn Engine>, Fault> {
    Err(Fault::built_without("rego"))
}

#[cfg(feature = "rego")]
mod real {
    use std::{fs, io::Read as _, path::Path, sync::Arc};

    use mcpo2_policy::{BundleKey, Engine, RegoBundle, RegoEngine, RegoOptions};

    use super::Fault;
    use crate::config::{Rego, RegoSignature, RegoSyntax};

    /// The longest bundle that is read; unpacked, it may have as much.
    const MAX_BYTES: u64 = 16 << 20;

    pub(super) fn open(rego: &Rego) -> Result<Arc<dyn Engine>, Fault> {
        let (bundle, key) = bundle(rego)?;
        let options = RegoOptions::default()
            .with_entry_point(rego.entry_point.as_str())
            .with_time_limit(rego.time_limit);
        let options = match rego.syntax {
            Some(RegoSyntax::V0) => options.with_syntax(mcpo2_policy::RegoSyntax::V0),
            Some(RegoSyntax::V1) => options.with_syntax(mcpo2_policy::RegoSyntax::V1),
            None => options,
        };
        let engine = RegoEngine::with_options(&bundle, &options);
        Ok(Arc::new(engine.map_err(|error| Fault::at(key, error))?))
    }

    /// The policies, and the key that says where they are.
    fn bundle(rego: &Rego) -> Result<(RegoBundle, &'static str), Fault> {
        match (&rego.dir, &rego.bundle, &rego.signed) {
            (Some(_), None, Some(_)) => {
                let message = "a directory has no signature: sign a `bundle`";
                Err(Fault::at("rego/signed", message))
            }
            (Some(dir), None, None) => {
                let bundle = RegoBundle::from_directory(dir);
                let wrong = |error| Fault::at("rego/dir", error);
                Ok((bundle.map_err(wrong)?, "rego/dir"))
            }
            (None, Some(file), signed) => {
                let key = signed.as_ref().map(key).transpose()?;
                let wrong = |error: String| Fault::at("rego/bundle", error);
                let bytes = read(file).map_err(wrong)?;
                let bundle = RegoBundle::from_tarball(&bytes, key.as_ref());
                Ok((
                    bundle.map_err(|error| wrong(error.to_string()))?,
                    "rego/bundle",
                ))
            }
            (None, None, _) | (Some(_), Some(_), _) => Err(Fault::at(
                "rego",
                "it has exactly one of `dir` and `bundle`",
            )),
        }
    }

    fn key(signed: &RegoSignature) -> Result<BundleKey, Fault> {
        let key = match (&signed.jwk, &signed.secret) {
            (Some(file), None) => {
                let wrong = |error: String| Fault::at("rego/signed/jwk", error);
                let jwk = read(file).map_err(wrong)?;
                let jwk = String::from_utf8(jwk).map_err(|_| wrong("it is no text".into()))?;
                BundleKey::jwk(&jwk).map_err(|error| wrong(error.to_string()))?
            }
            (None, Some(secret)) if secret.expose().starts_with("${") => {
                return Err(Fault::at(
                    "rego/signed/secret",
                    "what it stands for is not there",
                ));
            }
            (None, Some(secret)) => BundleKey::secret(secret.expose().as_bytes())
                .map_err(|error| Fault::at("rego/signed/secret", error))?,
            (None, None) | (Some(_), Some(_)) => {
                let message = "it has exactly one of `jwk` and `secret`";
                return Err(Fault::at("rego/signed", message));
            }
        };
        Ok(match &signed.scope {
            Some(scope) => key.with_scope(scope.as_str()),
            None => key,
        })
    }

    fn read(path: &Path) -> Result<Vec<u8>, String> {
        let unreadable = |error| format!("`{}` cannot be read: {error}", path.display());
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(unreadable)?;
        match u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_BYTES) {
            true => Ok(bytes),
            false => Err(format!("`{}` is longer than 16 MiB", path.display())),
        }
    }
}
