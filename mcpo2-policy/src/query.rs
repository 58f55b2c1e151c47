use std::sync::{Arc, OnceLock};

use mcpo2_core::{ARTIFACT_SCHEME, Call, Facts, Family, Item, ItemKind, Method, Principal, json};

use crate::{
    Situation,
    native::{Located, Node, Template, decode, decode_checked},
};

/// What an engine decides on: one request, and what the platform knows of it.
///
/// ```
/// use mcpo2_core::{AuthMethod, Item, ItemKind, Method, Principal};
/// use mcpo2_policy::Query;
///
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let item = Item::new(ItemKind::Tool, "github__get_issue");
/// let query = Query::new(&Method::ToolsCall, Some(&item), &ada).with_arguments(br#"{"id":7}"#);
/// assert_eq!(query.arguments(), Some(&br#"{"id":7}"#[..]));
/// # Ok::<(), mcpo2_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct Query<'a> {
    method: &'a Method,
    item: Option<&'a Item>,
    principal: &'a Principal,
    facts: Option<Arc<Facts>>,
    family: Option<&'a Family>,
    situation: &'a Situation,
    arguments: Given<'a>,
    listed: bool,
    decoded: OnceLock<Option<Node<'a>>>,
    resource: OnceLock<Resource>,
}

#[derive(Debug, Clone, Copy)]
enum Given<'a> {
    /// The method has none.
    Inapplicable,
    /// There will be some.
    Open,
    /// Those of the request, if it has any.
    Json(Option<&'a [u8]>),
    /// The same, of a request that was read, and so checked.
    Checked(&'a [u8]),
}

/// What is known of one argument.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Argument<'q> {
    Inapplicable,
    Open,
    Unreadable,
    Missing,
    Found(&'q Node<'q>),
}

/// What is known of all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arguments<'q> {
    Inapplicable,
    Open,
    Missing,
    Unreadable,
    /// An object.
    Given(&'q Node<'q>),
}

/// Where what is addressed lives.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'q> {
    Module(&'q Facts),
    Gateway,
    Unknown,
}

/// The resource that is addressed.
#[derive(Debug)]
pub(crate) enum Resource {
    Uri(Located),
    Template(Template),
    Unreadable,
}

impl<'a> Query<'a> {
    /// A request without arguments by `principal`, of a module that nobody knows.
    #[must_use]
    pub fn new(method: &'a Method, item: Option<&'a Item>, principal: &'a Principal) -> Self {
        Self::of(method, item, principal)
    }

    /// What a call asks.
    #[must_use]
    pub fn call(call: &'a Call) -> Self {
        let mut query = Self::new(call.method(), call.item(), call.principal());
        query.family = call.family();
        if let (Given::Json(_), Some(json)) = (query.arguments, call.request().arguments()) {
            query.arguments = Given::Checked(json);
        }
        query
    }

    /// Whether `principal` may see an item in a list: the request that would use it, with
    /// arguments that are still open.
    #[must_use]
    pub fn listed(item: &'a Item, principal: &'a Principal) -> Self {
        let method = match item.kind() {
            ItemKind::Tool => &Method::ToolsCall,
            ItemKind::Prompt => &Method::PromptsGet,
            ItemKind::Task => &Method::TasksGet,
            _ => &Method::ResourcesRead,
        };
        let mut query = Self::of(method, Some(item), principal);
        if let Given::Json(_) = query.arguments {
            query.arguments = Given::Open;
        }
        query.listed = true;
        query
    }

    fn of(method: &'a Method, item: Option<&'a Item>, principal: &'a Principal) -> Self {
        let arguments = match method {
            Method::ToolsCall | Method::PromptsGet | Method::Other(_) => Given::Json(None),
            Method::Complete => Given::Open,
            _ => Given::Inapplicable,
        };
        Self {
            method,
            item,
            principal,
            facts: None,
            family: None,
            situation: Situation::UNKNOWN,
            arguments,
            listed: false,
            decoded: OnceLock::new(),
            resource: OnceLock::new(),
        }
    }

    /// The same, where the platform knows these facts of the module that owns the item.
    #[must_use]
    pub fn with_facts(mut self, facts: Option<Arc<Facts>>) -> Self {
        self.facts = facts;
        self
    }

    /// The same, where the classifier found this family.
    #[must_use]
    pub fn with_family(mut self, family: &'a Family) -> Self {
        self.family = Some(family);
        self
    }

    /// The same, in this situation.
    #[must_use]
    pub fn with_situation(mut self, situation: &'a Situation) -> Self {
        self.situation = situation;
        self
    }

    /// The same with these arguments (JSON text), where its method has arguments.
    #[must_use]
    pub fn with_arguments(mut self, json: &'a [u8]) -> Self {
        if !matches!(self.arguments, Given::Inapplicable) {
            self.arguments = Given::Json(Some(json));
            self.decoded = OnceLock::new();
        }
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.method
    }

    /// What is addressed.
    #[must_use]
    pub fn item(&self) -> Option<&Item> {
        self.item
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        self.principal
    }

    /// What the platform knows of the module that owns the item.
    #[must_use]
    pub fn facts(&self) -> Option<&Facts> {
        self.facts.as_deref()
    }

    /// The family that the classifier found. It rests on what callers write.
    #[must_use]
    pub fn family(&self) -> Option<&Family> {
        self.family
    }

    /// When and from where.
    #[must_use]
    pub fn situation(&self) -> &Situation {
        self.situation
    }

    /// Whether it asks for what may be shown in a list.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// The JSON text of the arguments, where there are any yet.
    #[must_use]
    pub fn arguments(&self) -> Option<&[u8]> {
        match self.arguments {
            Given::Json(json) => json,
            Given::Checked(json) => Some(json),
            Given::Open | Given::Inapplicable => None,
        }
    }

    /// Whether this is a method of the protocol that addresses nothing: the gateway answers it.
    #[must_use]
    pub fn is_protocol(&self) -> bool {
        use Method as M;
        matches!(
            self.method(),
            M::Initialize
                | M::Initialized
                | M::Ping
                | M::Discover
                | M::Listen
                | M::ToolsList
                | M::PromptsList
                | M::ResourcesList
                | M::TemplatesList
                | M::SetLevel
                | M::Cancelled
                | M::Progress
                | M::LogMessage
                | M::RootsChanged
                | M::ToolsChanged
                | M::PromptsChanged
                | M::ResourcesChanged
                | M::ResourceUpdated
        )
    }

    /// Whether this reads a reference that the gateway made.
    #[must_use]
    pub fn is_own_reference(&self) -> bool {
        *self.method() == Method::ResourcesRead && self.names_artifact()
    }

    /// Whether it is about what the gateway keeps: to read it, or to put something there.
    fn is_about_artifact(&self) -> bool {
        let method = self.method();
        let puts = matches!(method, Method::ArtifactsCreate | Method::ArtifactsCommit);
        (puts || *method == Method::ResourcesRead) && self.names_artifact()
    }

    fn names_artifact(&self) -> bool {
        let of_ours = |item: &Item| {
            matches!(item.kind(), ItemKind::Resource | ItemKind::Template)
                && item
                    .name()
                    .strip_prefix(ARTIFACT_SCHEME)
                    .is_some_and(|rest| rest.starts_with("://"))
        };
        self.item.is_some_and(of_ours)
    }

    /// Whether the method addresses an item, in what it is about rather than in what it holds.
    pub(crate) fn addresses(&self) -> bool {
        self.method().item_kind().is_some() || *self.method() == Method::Complete
    }

    /// The same as `facts`, to keep.
    pub(crate) fn shared_facts(&self) -> Option<&Arc<Facts>> {
        self.facts.as_ref()
    }

    pub(crate) fn place(&self) -> Place<'_> {
        match &self.facts {
            Some(facts) => Place::Module(facts),
            None if self.is_protocol() || self.is_about_artifact() => Place::Gateway,
            None => Place::Unknown,
        }
    }

    pub(crate) fn resource(&self) -> &Resource {
        self.resource.get_or_init(|| {
            let name = self.item.map(Item::name).unwrap_or_default();
            let template = self
                .item
                .is_some_and(|item| item.kind() == ItemKind::Template);
            let read = if template && name.contains('{') {
                Template::new(name).map(Resource::Template)
            } else {
                Located::uri(name).map(Resource::Uri)
            };
            read.unwrap_or(Resource::Unreadable)
        })
    }

    pub(crate) fn argument(&self, steps: &[Box<str>]) -> Argument<'_> {
        match self.decoded() {
            Arguments::Inapplicable => Argument::Inapplicable,
            Arguments::Open => Argument::Open,
            Arguments::Missing => Argument::Missing,
            Arguments::Unreadable => Argument::Unreadable,
            Arguments::Given(arguments) => arguments
                .at(steps)
                .map_or(Argument::Missing, Argument::Found),
        }
    }

    /// All arguments, decoded once.
    pub(crate) fn decoded(&self) -> Arguments<'_> {
        let decoded = match self.arguments {
            Given::Inapplicable => return Arguments::Inapplicable,
            Given::Open => return Arguments::Open,
            Given::Json(None) => return Arguments::Missing,
            Given::Json(Some(json)) => self.decoded.get_or_init(|| decode(json)),
            Given::Checked(json) => self
                .decoded
                .get_or_init(|| json::text(json).ok().and_then(decode_checked)),
        };
        match decoded {
            Some(arguments @ Node::Object(_)) => Arguments::Given(arguments),
            _ => Arguments::Unreadable,
        }
    }
}
