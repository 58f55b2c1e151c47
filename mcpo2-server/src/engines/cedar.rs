use std::sync::Arc;

use mcpo2_policy::Engine;

use super::Fault;
use crate::config::Cedar;

#[cfg(feature = "cedar")]
pub(super) fn open(cedar: &Cedar) -> Result<Arc<dyn Engine>, Fault> {
    real::open(cedar)
}

/// In this build there is none.
#[cfg(not(feature = "cedar"))]
pub(super) fn open(_: &Cedar) -> Result<Arc<dyn Engine>, Fault> {
    Err(Fault::built_without("cedar"))
}

#[cfg(feature = "cedar")]
mod real {
    use std::{path::Path, sync::Arc};

    use mcpo2_policy::{CedarEngine, CedarSchema, Engine};

    use super::Fault;
    use crate::config::{Cedar, read_text};

    pub(super) fn open(cedar: &Cedar) -> Result<Arc<dyn Engine>, Fault> {
        let schema = CedarSchema::any_tools().map_err(|error| Fault::at("cedar", error))?;
        let mut texts = Vec::new();
        for (index, file) in cedar.files.iter().enumerate() {
            texts.push(text(file).map_err(|problem| Fault::at(at(index), problem))?);
        }
        let all = match CedarEngine::new(&texts.join("\n"), &schema) {
            Ok(engine) => return Ok(Arc::new(engine)),
            Err(error) => error,
        };
        // One file alone says better which it is; two may be wrong only together.
        for (index, (text, file)) in texts.iter().zip(&cedar.files).enumerate() {
            if let Err(error) = CedarEngine::new(text, &schema) {
                let problem = format!("{}: {error}", file.display());
                return Err(Fault::at(at(index), problem));
            }
        }
        Err(Fault::at("cedar/files", all))
    }

    fn at(index: usize) -> String {
        format!("cedar/files/{index}")
    }

    fn text(path: &Path) -> Result<String, String> {
        read_text(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))
    }
}
