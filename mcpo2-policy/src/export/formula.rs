//! Conditions in two values: what is unknown is settled before.

use mcpo2_core::{AuthMethod, ItemKind, PrincipalKind};

use crate::input::{AnchorKind, FactKind};

/// What holds or does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Formula {
    All(Vec<Formula>),
    Any(Vec<Formula>),
    Not(Box<Formula>),
    Is(Atom),
}

/// A question to the document that has a plain answer: what is absent is not so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Atom {
    /// The method is named so; several parts stand for any text between them.
    Method(Vec<Box<str>>),
    Caller(Caller),
    Target(Target),
    /// The classifier found this family.
    Intent(Box<str>),
    /// The arguments are in this state.
    Args(&'static str),
    /// A list is asked for, and the arguments are still open.
    ListedOpen,
    /// The argument at this pointer is there, and so.
    Fact(Box<str>, Fact),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    Tenant(Box<str>),
    Role(Box<str>),
    Principal(Box<str>),
    Project(Box<str>),
    Scope(Box<str>),
    Kind(PrincipalKind),
    Auth(AuthMethod),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Kind(ItemKind),
    /// As of a method.
    Name(Vec<Box<str>>),
    Owner(&'static str),
    Family(Box<str>),
    Module(Box<str>),
    Region(Box<str>),
    HasRegion,
    MinTier(u8),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    Present,
    Kind(FactKind),
    Text(Box<str>),
    TextPrefix(Box<str>),
    IsNumber,
    Number(Box<str>),
    AtLeast(i64),
    AtMost(i64),
    /// It has such a member.
    Has(Place),
    Equals(Place, Box<str>),
    Begins(Place, Box<str>),
    Anchor(AnchorKind),
}

/// The members of a fact that are paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Path,
    Bare,
}

impl Place {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Bare => "bare",
        }
    }
}

impl Formula {
    pub(super) fn any_of(atoms: impl IntoIterator<Item = Atom>) -> Self {
        Self::Any(atoms.into_iter().map(Self::Is).collect())
    }

    pub(super) fn fact(pointer: &str, fact: Fact) -> Self {
        Self::Is(Atom::Fact(pointer.into(), fact))
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Not(formula) => *formula,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self::All(vec![self, other])
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self::Any(vec![self, other])
    }
}

/// The name of a kind of principal in the document.
pub(crate) fn kind_name(kind: PrincipalKind) -> Option<&'static str> {
    match kind {
        PrincipalKind::User => Some("user"),
        PrincipalKind::Agent => Some("agent"),
        PrincipalKind::Service => Some("service"),
        PrincipalKind::Anonymous => Some("anonymous"),
        _ => None,
    }
}

/// The name of a way to show who one is in the document.
pub(crate) fn auth_name(auth: AuthMethod) -> Option<&'static str> {
    match auth {
        AuthMethod::None => Some("none"),
        AuthMethod::ApiKey => Some("api_key"),
        AuthMethod::Jwt => Some("jwt"),
        AuthMethod::Process => Some("process"),
        AuthMethod::Host => Some("host"),
        _ => None,
    }
}
