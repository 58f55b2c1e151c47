use crate::{config::ItemsConfig, error::Fault};

/// What a policy is about.
pub(super) fn items(actions: &[String], resources: &[String]) -> Result<ItemsConfig, Fault> {
    if actions.is_empty() {
        return Err(Fault::new(
            "actions",
            "is empty, and so matches nothing; write `*` for any",
        ));
    }
    let any_action = actions.iter().any(|action| action == "*");
    let mut items = ItemsConfig {
        methods: (!any_action).then(|| actions.to_vec()),
        ..ItemsConfig::default()
    };
    if resources.is_empty() {
        return Err(Fault::new(
            "resources",
            "is empty, and so matches nothing; write `*` for any",
        ));
    }
    if resources.iter().any(|resource| resource == "*") {
        return Ok(items);
    }
    let (mut names, mut uris) = (Vec::new(), Vec::new());
    for (at, resource) in resources.iter().enumerate() {
        let named = read(resource, &mut names, &mut uris);
        named.map_err(|problem| Fault::new(format!("resources[{at}]"), problem))?;
    }
    if !names.is_empty() {
        items.tools = Some(names.clone());
        items.prompts = Some(names);
    }
    items.resources = Some(uris).filter(|uris| !uris.is_empty());
    Ok(items)
}

fn read(resource: &str, names: &mut Vec<String>, uris: &mut Vec<String>) -> Result<(), String> {
    if resource.contains("://") {
        uris.push(resource.to_owned());
        return Ok(());
    }
    match resource.split_once(':') {
        Some((module, item)) if module.is_empty() || item.is_empty() || item.contains(':') => {
            Err(format!("`{resource}` is no `module:tool`"))
        }
        Some((module, item)) => {
            names.push(format!("{module}__{item}"));
            Ok(())
        }
        None if resource.is_empty() => Err("is empty, and so names nothing".to_owned()),
        None => {
            // The name alone says nothing of the module, which stands before it here.
            if !resource.contains("__") {
                names.push(format!("*__{resource}"));
            }
            names.push(resource.to_owned());
            Ok(())
        }
    }
}
