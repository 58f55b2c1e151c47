use mcpo2_core::ARTIFACT_SCHEME;
use serde_json::json;

use crate::Artifacts;

impl Artifacts {
    /// The resource templates by which artifacts are read, with the JSON of their entries in
    /// `resources/templates/list` (RFC 6570).
    ///
    /// ```
    /// let artifacts = mcpo2_artifact::Config::default().compile()?;
    /// let templates: Vec<_> = artifacts.templates().collect();
    /// assert_eq!(templates[0].0, "mcpo2+artifact://r/{id}{?bytes,lines}");
    /// # Ok::<(), mcpo2_artifact::ConfigError>(())
    /// ```
    pub fn templates(&self) -> impl Iterator<Item = (String, String)> {
        let kept = (
            format!("{ARTIFACT_SCHEME}://r/{{id}}{{?bytes,lines}}"),
            "result",
            "A result that became a reference: all of it, bytes FROM-TO, or lines A-B",
        );
        let signed = self.library().map(|library| {
            let name = library.authority();
            (
                format!("{ARTIFACT_SCHEME}://{name}/r/{{token}}{{?path,bytes,lines}}"),
                "artifact",
                "What a signed reference names, or a path in it: all, bytes FROM-TO, or lines A-B",
            )
        });
        let entry = |(uri, name, description)| {
            let entry = json!({ "uriTemplate": &uri, "name": name, "description": description });
            (uri, entry.to_string())
        };
        [kept].into_iter().chain(signed).map(entry)
    }
}
