//! Ids of tasks over several modules: whose a task is, and for whom it was begun, is sealed in the
//! id that callers know.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    ops::Range,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use mcpo2_core::{Digest, Frame, Message, Method, ModuleId, Principal};
use mcpo2_seal::KeyRing;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Makes and reads the ids of tasks.
pub(crate) struct Tasks {
    keys: ArcSwapOption<KeyRing>,
    given: Mutex<Given>,
}

/// The ids that were given, so that a task keeps one: two seals of the same differ.
#[derive(Default)]
struct Given {
    ids: HashMap<Digest, Arc<str>>,
    order: VecDeque<Digest>,
}

const PURPOSE: &str = "mcpo2.task/v1";

/// A task that is older is not found.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Ids that are remembered; others that are told again are told by another name.
const MAX_GIVEN: usize = 16 * 1024;

const RELATED: &str = "io.modelcontextprotocol/related-task";

impl Tasks {
    pub(crate) fn new() -> Self {
        let keys = KeyRing::ephemeral().ok().map(Arc::new);
        Self {
            keys: ArcSwapOption::new(keys),
            given: Mutex::default(),
        }
    }

    pub(crate) fn seal_with(&self, keys: &Arc<KeyRing>) {
        self.keys.store(Some(Arc::clone(keys)));
    }

    /// The module's own id of a task that `principal` began; none for anybody else.
    pub(crate) fn open(
        &self,
        module: &ModuleId,
        id: &str,
        principal: &Principal,
    ) -> Option<Box<str>> {
        let sealed = id.strip_prefix(module.as_str())?.strip_prefix("__")?;
        let binding = principal.binding();
        let context: [&[u8]; 2] = [binding.as_bytes(), module.as_str().as_bytes()];
        let own = self
            .keys
            .load_full()?
            .open(PURPOSE, &context, SystemTime::now(), sealed);
        let own: Box<str> = String::from_utf8(own.ok()?).ok()?.into();
        self.given(key(module, &own, principal), || Some(id.into()));
        Some(own)
    }

    /// The id by which `principal` knows a task of this module.
    fn seal(&self, module: &ModuleId, own: &str, principal: &Principal) -> Option<Arc<str>> {
        self.given(key(module, own, principal), || {
            let binding = principal.binding();
            let context: [&[u8]; 2] = [binding.as_bytes(), module.as_str().as_bytes()];
            let until = SystemTime::now().checked_add(KEPT)?;
            let keys = self.keys.load_full()?;
            let sealed = keys.seal(PURPOSE, &context, until, own.as_bytes()).ok()?;
            Some(format!("{module}__{sealed}").into())
        })
    }

    fn given(&self, key: Digest, make: impl FnOnce() -> Option<Arc<str>>) -> Option<Arc<str>> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = given.ids.get(&key) {
            return Some(Arc::clone(id));
        }
        let id = make()?;
        if given.order.len() >= MAX_GIVEN
            && let Some(oldest) = given.order.pop_front()
        {
            given.ids.remove(&oldest);
        }
        given.ids.insert(key, Arc::clone(&id));
        given.order.push_back(key);
        Some(id)
    }

    /// A frame of a module as the caller gets it.
    pub(crate) fn frame(&self, frame: Frame, whose: Whose<'_>) -> Frame {
        match self.message(frame.data(), whose) {
            Some(data) => frame.with_data(data),
            None => frame,
        }
    }

    /// A message of a module with the ids that the caller knows; none where it names no task.
    pub(crate) fn message(&self, bytes: &Bytes, whose: Whose<'_>) -> Option<Bytes> {
        // Most messages name none, and are not worth parsing.
        static NAMED: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"taskId\""));
        NAMED.find(bytes)?;
        let named = match Message::parse(bytes.clone()).ok()? {
            Message::Response(response) => {
                let named = Named::read(response.result_json()?)?;
                let about = named.is_task() || is_about_tasks(whose.method);
                named.places(bytes, about)
            }
            Message::Request(request) => {
                let about = request.method().as_str().starts_with("notifications/tasks");
                Named::read(request.params()?)?.places(bytes, about)
            }
        };
        let mut edited = bytes.to_vec();
        for (at, own) in named.into_iter().rev() {
            // Without an id of ours there is no task for the caller: `null` is nobody's.
            let id = self.seal(whose.module, &own, whose.principal);
            let id = serde_json::Value::from(id.as_deref()).to_string();
            edited.splice(at, id.bytes());
        }
        Some(edited.into())
    }
}

/// Whose message it is, for whom, and what it answers.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub(crate) module: &'a ModuleId,
    pub(crate) principal: &'a Principal,
    pub(crate) method: Option<&'a Method>,
}

/// Where a result, or the parameters of a notification, name tasks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    #[serde(borrow, default)]
    result_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    task_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    task: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<&'a RawValue>,
}

type Places = Vec<(Range<usize>, String)>;

impl<'a> Named<'a> {
    fn read(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    fn is_task(&self) -> bool {
        self.result_type
            .is_some_and(|kind| kind.get() == r#""task""#)
    }

    /// The places of ids and what stands there, in order. A member `taskId` is one where the
    /// message is `about` tasks; of any other it may be anything.
    fn places(&self, bytes: &Bytes, about: bool) -> Places {
        let within = |object: Option<&'a RawValue>| Self::read(object?.get().as_bytes())?.task_id;
        let related = || {
            let meta: HashMap<String, &RawValue> = serde_json::from_str(self.meta?.get()).ok()?;
            within(meta.get(RELATED).copied())
        };
        let ids = [self.task_id.filter(|_| about), within(self.task), related()];
        let place = |raw: &RawValue| {
            let own = serde_json::from_str(raw.get()).ok()?;
            let start = raw
                .get()
                .as_ptr()
                .addr()
                .checked_sub(bytes.as_ptr().addr())?;
            let end = start.checked_add(raw.get().len())?;
            (end <= bytes.len()).then_some((start..end, own))
        };
        let mut places: Places = ids.into_iter().flatten().filter_map(place).collect();
        places.sort_by_key(|(at, _)| at.start);
        places
    }
}

fn is_about_tasks(method: Option<&Method>) -> bool {
    matches!(
        method,
        Some(Method::TasksGet | Method::TasksUpdate | Method::TasksCancel | Method::TasksResult)
    )
}

fn key(module: &ModuleId, own: &str, principal: &Principal) -> Digest {
    let binding = principal.binding();
    let text = [
        binding.as_bytes(),
        module.as_str().as_bytes(),
        b"/",
        own.as_bytes(),
    ]
    .concat();
    Digest::of(&text)
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}
