//! Each method of a `ServerHandler`, by the one way through the stack.

#![expect(deprecated, reason = "clients up to 2025-11-25 set the level of logs")]

use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams,
        CancelledNotificationParam, CompleteRequestParams, CompleteResult, CreateTaskResult,
        CustomNotification, CustomRequest, CustomResult, DiscoverResult, ErrorData,
        GetPromptRequestParams, GetPromptResponse, GetPromptResult, GetSkillRequestParams,
        GetSkillResult, GetTaskParams, GetTaskResult, InitializeRequestParams, InitializeResult,
        InputRequiredResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
        ListSkillsResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
        ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult, ReadResourceRequestParams,
        ReadResourceResponse, ReadResourceResult, ServerConfig, SetLevelRequestParams,
        SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
        UpdateTaskParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned, de::IgnoredAny};
use serde_json::json;
use tower_service::Service;

use mcpo2_core::{Call, Error, Reply};

use super::{Governed, Listener};
use crate::wire;

macro_rules! requests {
    ($($name:ident($params:ty) -> $result:ty = $method:literal;)*) => {$(
        async fn $name(
            &self,
            params: $params,
            context: RequestContext<RoleServer>,
        ) -> Result<$result, ErrorData> {
            self.typed($method, params, context).await
        }
    )*};
}

macro_rules! acknowledged {
    ($($name:ident($params:ty) = $method:literal;)*) => {$(
        async fn $name(
            &self,
            params: $params,
            context: RequestContext<RoleServer>,
        ) -> Result<(), ErrorData> {
            self.typed::<IgnoredAny>($method, params, context).await.map(drop)
        }
    )*};
}

macro_rules! notifications {
    ($($name:ident($params:ty) = $method:literal;)*) => {$(
        async fn $name(&self, params: $params, context: NotificationContext<RoleServer>) {
            self.notify($method, params, context).await;
        }
    )*};
}

impl<S> Governed<S>
where
    S: Service<Call, Response = Reply, Error = Error> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    async fn typed<R: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize + Send,
        context: RequestContext<RoleServer>,
    ) -> Result<R, ErrorData> {
        let to = Listener::Client(context.peer.clone());
        wire::decode(&self.run(method, params, context, to).await?)
    }

    async fn staged(
        &self,
        method: &str,
        params: impl Serialize + Send,
        context: RequestContext<RoleServer>,
    ) -> Result<(Stage, Vec<u8>), ErrorData> {
        let to = Listener::Client(context.peer.clone());
        let json = self.run(method, params, context, to).await?;
        Ok((wire::decode(&json)?, json))
    }
}

/// What kind of result it is. Those that need more, or come later, say so.
#[derive(Deserialize)]
struct Stage {
    #[serde(default, rename = "resultType")]
    kind: Option<String>,
}

impl<S> ServerHandler for Governed<S>
where
    S: Service<Call, Response = Reply, Error = Error> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    fn get_info(&self) -> ServerConfig {
        self.info.clone()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tool.as_ref().and_then(|tool| tool(name))
    }

    async fn initialize(
        &self,
        params: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(params.clone());
        self.typed("initialize", params, context).await
    }

    async fn discover(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        self.typed("server/discover", (), context).await
    }

    async fn ping(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.typed::<IgnoredAny>("ping", (), context)
            .await
            .map(drop)
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (stage, json) = self.staged("tools/call", params, context).await?;
        match stage.kind.as_deref() {
            Some("input_required") => wire::decode::<InputRequiredResult>(&json).map(Into::into),
            Some("task") => wire::decode::<CreateTaskResult>(&json).map(Into::into),
            _ => wire::decode::<CallToolResult>(&json).map(Into::into),
        }
    }

    async fn get_prompt(
        &self,
        params: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let (stage, json) = self.staged("prompts/get", params, context).await?;
        match stage.kind.as_deref() {
            Some("input_required") => wire::decode::<InputRequiredResult>(&json).map(Into::into),
            _ => wire::decode::<GetPromptResult>(&json).map(Into::into),
        }
    }

    async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (stage, json) = self.staged("resources/read", params, context).await?;
        match stage.kind.as_deref() {
            Some("input_required") => wire::decode::<InputRequiredResult>(&json).map(Into::into),
            _ => wire::decode::<ReadResourceResult>(&json).map(Into::into),
        }
    }

    requests! {
        complete(CompleteRequestParams) -> CompleteResult = "completion/complete";
        list_tools(Option<PaginatedRequestParams>) -> ListToolsResult = "tools/list";
        list_prompts(Option<PaginatedRequestParams>) -> ListPromptsResult = "prompts/list";
        list_resources(Option<PaginatedRequestParams>) -> ListResourcesResult = "resources/list";
        list_resource_templates(Option<PaginatedRequestParams>) -> ListResourceTemplatesResult
            = "resources/templates/list";
        get_task(GetTaskParams) -> GetTaskResult = "tasks/get";
        list_skills(Option<PaginatedRequestParams>) -> ListSkillsResult = "skills/list";
        get_skill(GetSkillRequestParams) -> GetSkillResult = "skills/get";
        read_resource_directory(ReadResourceDirectoryRequestParams) -> ReadResourceDirectoryResult
            = "resources/directory/read";
    }

    acknowledged! {
        set_level(SetLevelRequestParams) = "logging/setLevel";
        subscribe(SubscribeRequestParams) = "resources/subscribe";
        unsubscribe(UnsubscribeRequestParams) = "resources/unsubscribe";
        update_task(UpdateTaskParams) = "tasks/update";
        cancel_task(CancelTaskParams) = "tasks/cancel";
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let result = self.typed(&request.method, request.params, context).await?;
        Ok(CustomResult::new(result))
    }

    /// All that is asked for; rmcp takes away what the description does not advertise.
    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let params = json!({ "notifications": context.requested() });
        let (request, to) = (context.request_context().clone(), context.sink().clone());
        let to = Listener::Subscription(to);
        self.run("subscriptions/listen", params, request, to)
            .await
            .map(drop)
    }

    notifications! {
        on_cancelled(CancelledNotificationParam) = "notifications/cancelled";
        on_progress(ProgressNotificationParam) = "notifications/progress";
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.notify("notifications/initialized", (), context).await;
    }

    async fn on_roots_list_changed(&self, context: NotificationContext<RoleServer>) {
        self.notify("notifications/roots/list_changed", (), context)
            .await;
    }

    async fn on_custom_notification(
        &self,
        notification: CustomNotification,
        context: NotificationContext<RoleServer>,
    ) {
        self.notify(&notification.method, notification.params, context)
            .await;
    }
}
