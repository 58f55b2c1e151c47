use mcpo2_policy::RuleConfig;

use crate::config::check::{Context, Diagnostic};

/// Where nobody says which environment this is, a condition on it cannot be known.
pub(super) fn check(context: &mut Context<'_>) {
    let config = context.config;
    if config.environment.is_some() {
        return;
    }
    let own = places(String::new(), &config.policy.rules);
    let bundles = config.policy.bundles.iter().enumerate();
    let others = bundles.flat_map(|(at, bundle)| places(format!("bundles/{at}/"), &bundle.rules));
    let all: Vec<String> = own.chain(others).collect();
    for path in all {
        let message = "the rule asks for the environment, and `environment` is not said";
        let finding = Diagnostic::warning("no-environment", message)
            .help("say at the top which one this gateway serves, such as `environment: prod`");
        context.policy(&path, finding);
    }
}

/// Where rules ask for it.
fn places(of: String, rules: &[RuleConfig]) -> impl Iterator<Item = String> {
    let rules = rules.iter().enumerate();
    let asking = rules.filter(|(_, rule)| rule.conditions.situation.environments.is_some());
    asking.map(move |(at, _)| format!("{of}rules/{at}/environments"))
}
