//! For a backend that stands on another: forwards whole domains to it.
//!
//! A store that measures, caches or watches another one needs only the methods that it changes. What
//! [`delegate_store!`](crate::delegate_store) names is forwarded; what it does not name is the backend's own.
#![allow(missing_docs, reason = "what is here is for the macro")]
#[doc(hidden)]
pub use std::ops::Range;

#[doc(hidden)]
pub use async_trait::async_trait;
#[doc(hidden)]
pub use bytes::Bytes;

/// Implements reading traits by forwarding to a field: `delegate_store!(MyStore => inner: DeviceStore, SignalStore)`, or all of
/// them: `delegate_store!(MyStore => inner)`. The field is a store, or anything that dereferences to one, such as
/// `Arc<dyn Store>`. [`Store`](crate::Store) itself, with `commit`, stays to be written.
#[macro_export]
macro_rules! delegate_store {
    ($backend:ty => $field:ident) => {
        $crate::delegate_store!($backend => $field:
            DeviceStore, SignalStore, PersonStore, NoticeStore, OutgoingStore, AppStateStore, MessageStore, ChatStore, SessionStore, EventStore, LeaseStore, ContactStore, AudienceStore, CampaignStore, FlowStore, ConversationStore, TeamStore, WebhookStore, CounterStore, AuditStore, SettingStore, ReachStore
        );
    };
    ($backend:ty => $field:ident: $($domain:ident),+ $(,)?) => {
        $($crate::delegate_store!(@$domain $backend, $field);)+
    };
    (@DeviceStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl DeviceStore for $backend {
                async fn device(&self, account: &AccountId) -> $crate::Result<Option<DeviceRecord>> {
                    DeviceStore::device(&*self.$field, account).await
                }
            }
        };
    };
    (@SignalStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl SignalStore for $backend {
                async fn signal(&self, account: &AccountId, keys: &[SignalKey]) -> $crate::Result<Vec<Option<Bytes>>> {
                    SignalStore::signal(&*self.$field, account, keys).await
                }
                async fn signal_ids(&self, account: &AccountId, kind: SignalKind) -> $crate::Result<Vec<String>> {
                    SignalStore::signal_ids(&*self.$field, account, kind).await
                }
            }
        };
    };
    (@PersonStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl PersonStore for $backend {
                async fn people(&self, account: &AccountId, addresses: &[PersonAddress]) -> $crate::Result<Vec<Option<PersonRecord>>> {
                    PersonStore::people(&*self.$field, account, addresses).await
                }
            }
        };
    };
    (@NoticeStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl NoticeStore for $backend {
                async fn notices(&self, account: &AccountId, kind: &str, after: Option<&str>, limit: u32) -> $crate::Result<Vec<NoticeRecord>> {
                    NoticeStore::notices(&*self.$field, account, kind, after, limit).await
                }
            }
        };
    };
    (@OutgoingStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl OutgoingStore for $backend {
                async fn outgoing(&self, account: &AccountId, id: &str) -> $crate::Result<Option<OutgoingMessage>> {
                    OutgoingStore::outgoing(&*self.$field, account, id).await
                }
                async fn queued(&self, account: &AccountId, limit: u32) -> $crate::Result<Vec<OutgoingMessage>> {
                    OutgoingStore::queued(&*self.$field, account, limit).await
                }
            }
        };
    };
    (@AppStateStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl AppStateStore for $backend {
                async fn app_state(&self, account: &AccountId, collection: &str) -> $crate::Result<Option<AppStateVersion>> {
                    AppStateStore::app_state(&*self.$field, account, collection).await
                }
                async fn app_state_key(&self, account: &AccountId, id: &[u8]) -> $crate::Result<Option<Bytes>> {
                    AppStateStore::app_state_key(&*self.$field, account, id).await
                }
                async fn app_state_macs(&self, account: &AccountId, collection: &str, indexes: &[Bytes]) -> $crate::Result<Vec<Option<Bytes>>> {
                    AppStateStore::app_state_macs(&*self.$field, account, collection, indexes).await
                }
            }
        };
    };
    (@MessageStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl MessageStore for $backend {
                async fn message(&self, account: &AccountId, key: &MessageKey) -> $crate::Result<Option<MessageRecord>> {
                    MessageStore::message(&*self.$field, account, key).await
                }
                async fn messages(&self, account: &AccountId, query: &MessageQuery) -> $crate::Result<MessagePage> {
                    MessageStore::messages(&*self.$field, account, query).await
                }
                async fn oldest_message(&self, account: &AccountId) -> $crate::Result<Option<i64>> {
                    MessageStore::oldest_message(&*self.$field, account).await
                }
            }
        };
    };
    (@ChatStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl ChatStore for $backend {
                async fn chat(&self, account: &AccountId, chat: &str) -> $crate::Result<Option<ChatRecord>> {
                    ChatStore::chat(&*self.$field, account, chat).await
                }
                async fn chats(&self, account: &AccountId, before: Option<&str>, limit: u32) -> $crate::Result<ChatPage> {
                    ChatStore::chats(&*self.$field, account, before, limit).await
                }
            }
        };
    };
    (@SessionStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl SessionStore for $backend {
                async fn session(&self, id: &AccountId) -> $crate::Result<Option<SessionRecord>> {
                    SessionStore::session(&*self.$field, id).await
                }
                async fn sessions(&self, workspace: &WorkspaceId) -> $crate::Result<Vec<SessionRecord>> {
                    SessionStore::sessions(&*self.$field, workspace).await
                }
                async fn all_sessions(&self) -> $crate::Result<Vec<SessionRecord>> {
                    SessionStore::all_sessions(&*self.$field).await
                }
            }
        };
    };
    (@EventStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl EventStore for $backend {
                async fn all_events(&self, after: Option<&str>, limit: u32) -> $crate::Result<Vec<EventRecord>> {
                    EventStore::all_events(&*self.$field, after, limit).await
                }
                async fn events(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> $crate::Result<Vec<EventRecord>> {
                    EventStore::events(&*self.$field, workspace, after, limit).await
                }
                async fn last_event(&self) -> $crate::Result<Option<String>> {
                    EventStore::last_event(&*self.$field).await
                }
                async fn passed(&self, consumer: &str) -> $crate::Result<Option<String>> {
                    EventStore::passed(&*self.$field, consumer).await
                }
                async fn new_events(&self, after: Option<&str>) -> $crate::Result<()> {
                    EventStore::new_events(&*self.$field, after).await
                }
            }
        };
    };
    (@LeaseStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl LeaseStore for $backend {
                async fn acquire_lease(&self, workspace: &WorkspaceId, name: &str, owner: &str, now: i64, until: i64) -> $crate::Result<Option<Lease>> {
                    LeaseStore::acquire_lease(&*self.$field, workspace, name, owner, now, until).await
                }
                async fn release_lease(&self, workspace: &WorkspaceId, lease: &Lease) -> $crate::Result<()> {
                    LeaseStore::release_lease(&*self.$field, workspace, lease).await
                }
                async fn lease(&self, workspace: &WorkspaceId, name: &str) -> $crate::Result<Option<Lease>> {
                    LeaseStore::lease(&*self.$field, workspace, name).await
                }
            }
        };
    };
    (@ContactStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl ContactStore for $backend {
                async fn contact(&self, workspace: &WorkspaceId, id: &str) -> $crate::Result<Option<ContactRecord>> {
                    ContactStore::contact(&*self.$field, workspace, id).await
                }
                async fn contact_by_phone(&self, workspace: &WorkspaceId, phone: &str) -> $crate::Result<Option<ContactRecord>> {
                    ContactStore::contact_by_phone(&*self.$field, workspace, phone).await
                }
                async fn contact_by_lid(&self, workspace: &WorkspaceId, lid: &str) -> $crate::Result<Option<ContactRecord>> {
                    ContactStore::contact_by_lid(&*self.$field, workspace, lid).await
                }
                async fn contacts_by_phone(&self, workspace: &WorkspaceId, phones: &[String]) -> $crate::Result<Vec<Option<ContactRecord>>> {
                    ContactStore::contacts_by_phone(&*self.$field, workspace, phones).await
                }
                async fn contacts(&self, workspace: &WorkspaceId, query: &ContactQuery) -> $crate::Result<ContactPage> {
                    ContactStore::contacts(&*self.$field, workspace, query).await
                }
                async fn contact_tags(&self, workspace: &WorkspaceId) -> $crate::Result<Vec<TagCount>> {
                    ContactStore::contact_tags(&*self.$field, workspace).await
                }
                async fn suppressed(&self, workspace: &WorkspaceId, addresses: &[String]) -> $crate::Result<Vec<String>> {
                    ContactStore::suppressed(&*self.$field, workspace, addresses).await
                }
                async fn suppressions(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> $crate::Result<Vec<Suppression>> {
                    ContactStore::suppressions(&*self.$field, workspace, after, limit).await
                }
            }
        };
    };
    (@AudienceStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl AudienceStore for $backend {
                async fn audience_page(&self, workspace: &WorkspaceId, filter: &AudienceFilter, after: Option<&str>, limit: u32) -> $crate::Result<Vec<ContactRecord>> {
                    AudienceStore::audience_page(&*self.$field, workspace, filter, after, limit).await
                }
                async fn audience_counts(&self, workspace: &WorkspaceId, filter: &AudienceFilter) -> $crate::Result<AudienceCounts> {
                    AudienceStore::audience_counts(&*self.$field, workspace, filter).await
                }
            }
        };
    };
    (@CampaignStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl CampaignStore for $backend {
                async fn campaign(&self, workspace: &WorkspaceId, id: &str) -> $crate::Result<Option<CampaignRecord>> {
                    CampaignStore::campaign(&*self.$field, workspace, id).await
                }
                async fn campaigns(&self, workspace: &WorkspaceId, before: Option<&str>, limit: u32) -> $crate::Result<CampaignPage> {
                    CampaignStore::campaigns(&*self.$field, workspace, before, limit).await
                }
                async fn campaigns_in_state(&self, states: &[CampaignState]) -> $crate::Result<Vec<(WorkspaceId, String)>> {
                    CampaignStore::campaigns_in_state(&*self.$field, states).await
                }
                async fn lanes(&self, workspace: &WorkspaceId, campaign: &str) -> $crate::Result<Vec<LaneRecord>> {
                    CampaignStore::lanes(&*self.$field, workspace, campaign).await
                }
                async fn audience(&self, workspace: &WorkspaceId, campaign: &str, lane: i32, range: Range<u32>) -> $crate::Result<Vec<(u32, AudienceRow)>> {
                    CampaignStore::audience(&*self.$field, workspace, campaign, lane, range).await
                }
                async fn recipients(&self, workspace: &WorkspaceId, campaign: &str, lane: i32, range: Range<u32>) -> $crate::Result<Vec<RecipientRecord>> {
                    CampaignStore::recipients(&*self.$field, workspace, campaign, lane, range).await
                }
                async fn campaign_progress(&self, workspace: &WorkspaceId, campaign: &str) -> $crate::Result<RecipientCounts> {
                    CampaignStore::campaign_progress(&*self.$field, workspace, campaign).await
                }
                async fn campaign_flags(&self, workspace: &WorkspaceId, campaign: &str) -> $crate::Result<FlagCounts> {
                    CampaignStore::campaign_flags(&*self.$field, workspace, campaign).await
                }
                async fn campaign_minutes(&self, workspace: &WorkspaceId, campaign: &str, from: i64, until: i64) -> $crate::Result<Vec<RecipientMinute>> {
                    CampaignStore::campaign_minutes(&*self.$field, workspace, campaign, from, until).await
                }
                async fn campaign_leases(&self, workspace: &WorkspaceId, campaign: &str) -> $crate::Result<Vec<RangeLease>> {
                    CampaignStore::campaign_leases(&*self.$field, workspace, campaign).await
                }
                async fn campaign_export(&self, workspace: &WorkspaceId, campaign: &str, after: Option<&str>, limit: u32) -> $crate::Result<ExportPage> {
                    CampaignStore::campaign_export(&*self.$field, workspace, campaign, after, limit).await
                }
                async fn lease_range(&self, workspace: &WorkspaceId, claim: &RangeClaim) -> $crate::Result<Option<RangeLease>> {
                    CampaignStore::lease_range(&*self.$field, workspace, claim).await
                }
                async fn due_retries(&self, workspace: &WorkspaceId, claim: &RangeClaim) -> $crate::Result<Option<RetryLease>> {
                    CampaignStore::due_retries(&*self.$field, workspace, claim).await
                }
            }
        };
    };
    (@FlowStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl FlowStore for $backend {
                async fn flow(&self, workspace: &WorkspaceId, flow: &str) -> $crate::Result<Option<FlowRecord>> {
                    FlowStore::flow(&*self.$field, workspace, flow).await
                }
                async fn flows(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> $crate::Result<FlowPage> {
                    FlowStore::flows(&*self.$field, workspace, after, limit).await
                }
                async fn flow_version(&self, workspace: &WorkspaceId, flow: &str, version: i64) -> $crate::Result<Option<FlowVersion>> {
                    FlowStore::flow_version(&*self.$field, workspace, flow, version).await
                }
                async fn flow_versions(&self, workspace: &WorkspaceId, flow: &str, before: Option<&str>, limit: u32) -> $crate::Result<FlowVersionPage> {
                    FlowStore::flow_versions(&*self.$field, workspace, flow, before, limit).await
                }
                async fn node_counts(&self, workspace: &WorkspaceId, flow: &str, version: i64) -> $crate::Result<Vec<NodeCount>> {
                    FlowStore::node_counts(&*self.$field, workspace, flow, version).await
                }
            }
        };
    };
    (@ConversationStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl ConversationStore for $backend {
                async fn conversation(&self, account: &AccountId, chat: &str) -> $crate::Result<Option<ConversationRecord>> {
                    ConversationStore::conversation(&*self.$field, account, chat).await
                }
                async fn conversations(&self, workspace: &WorkspaceId, status: ConversationStatus, before: Option<&str>, limit: u32) -> $crate::Result<ConversationPage> {
                    ConversationStore::conversations(&*self.$field, workspace, status, before, limit).await
                }
                async fn claim_due_conversations(&self, workspace: &WorkspaceId, now: i64, until: i64, limit: u32) -> $crate::Result<Vec<ConversationRecord>> {
                    ConversationStore::claim_due_conversations(&*self.$field, workspace, now, until, limit).await
                }
                async fn due_workspaces(&self, now: i64, limit: u32) -> $crate::Result<Vec<WorkspaceId>> {
                    ConversationStore::due_workspaces(&*self.$field, now, limit).await
                }
                async fn input_seen(&self, account: &AccountId, chat: &str, message_id: &str) -> $crate::Result<bool> {
                    ConversationStore::input_seen(&*self.$field, account, chat, message_id).await
                }
                async fn oldest_input(&self, workspace: &WorkspaceId) -> $crate::Result<Option<i64>> {
                    ConversationStore::oldest_input(&*self.$field, workspace).await
                }
                async fn oldest_ended(&self, workspace: &WorkspaceId) -> $crate::Result<Option<i64>> {
                    ConversationStore::oldest_ended(&*self.$field, workspace).await
                }
            }
        };
    };
    (@TeamStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl TeamStore for $backend {
                async fn workspace(&self, workspace: &WorkspaceId) -> $crate::Result<Option<WorkspaceRecord>> {
                    TeamStore::workspace(&*self.$field, workspace).await
                }
                async fn workspaces(&self, after: Option<&str>, limit: u32) -> $crate::Result<WorkspacePage> {
                    TeamStore::workspaces(&*self.$field, after, limit).await
                }
                async fn user(&self, workspace: &WorkspaceId, user: &str) -> $crate::Result<Option<UserRecord>> {
                    TeamStore::user(&*self.$field, workspace, user).await
                }
                async fn user_by_email(&self, email: &str) -> $crate::Result<Option<UserRecord>> {
                    TeamStore::user_by_email(&*self.$field, email).await
                }
                async fn users(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> $crate::Result<UserPage> {
                    TeamStore::users(&*self.$field, workspace, after, limit).await
                }
                async fn api_key_by_hash(&self, hash: &SecretHash) -> $crate::Result<Option<ApiKeyRecord>> {
                    TeamStore::api_key_by_hash(&*self.$field, hash).await
                }
                async fn api_keys(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> $crate::Result<ApiKeyPage> {
                    TeamStore::api_keys(&*self.$field, workspace, after, limit).await
                }
                async fn take_reset_token(&self, hash: &SecretHash, now: i64) -> $crate::Result<Option<ResetToken>> {
                    TeamStore::take_reset_token(&*self.$field, hash, now).await
                }
            }
        };
    };
    (@WebhookStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl WebhookStore for $backend {
                async fn endpoint(&self, workspace: &WorkspaceId, id: &str) -> $crate::Result<Option<EndpointRecord>> {
                    WebhookStore::endpoint(&*self.$field, workspace, id).await
                }
                async fn endpoints(&self, workspace: &WorkspaceId) -> $crate::Result<Vec<EndpointRecord>> {
                    WebhookStore::endpoints(&*self.$field, workspace).await
                }
                async fn delivery(&self, workspace: &WorkspaceId, id: &str) -> $crate::Result<Option<DeliveryRecord>> {
                    WebhookStore::delivery(&*self.$field, workspace, id).await
                }
                async fn deliveries(&self, workspace: &WorkspaceId, query: &DeliveryQuery) -> $crate::Result<DeliveryPage> {
                    WebhookStore::deliveries(&*self.$field, workspace, query).await
                }
                async fn webhook_backlog(&self, workspace: &WorkspaceId) -> $crate::Result<Vec<EndpointBacklog>> {
                    WebhookStore::webhook_backlog(&*self.$field, workspace).await
                }
                async fn claim_deliveries(&self, now: i64, until: i64, limit: u32) -> $crate::Result<Vec<ClaimedDelivery>> {
                    WebhookStore::claim_deliveries(&*self.$field, now, until, limit).await
                }
            }
        };
    };
    (@CounterStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl CounterStore for $backend {
                async fn series(&self, workspace: &WorkspaceId, name: &str, range: &CounterRange) -> $crate::Result<Vec<CounterPoint>> {
                    CounterStore::series(&*self.$field, workspace, name, range).await
                }
                async fn totals(&self, workspace: &WorkspaceId, names: &[String], range: &CounterRange) -> $crate::Result<Vec<i64>> {
                    CounterStore::totals(&*self.$field, workspace, names, range).await
                }
            }
        };
    };
    (@AuditStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl AuditStore for $backend {
                async fn audit(&self, workspace: &WorkspaceId, query: &AuditQuery) -> $crate::Result<AuditPage> {
                    AuditStore::audit(&*self.$field, workspace, query).await
                }
            }
        };
    };
    (@SettingStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl SettingStore for $backend {
                async fn setting(&self, workspace: &WorkspaceId, name: &str) -> $crate::Result<Option<Bytes>> {
                    SettingStore::setting(&*self.$field, workspace, name).await
                }
            }
        };
    };
    (@ReachStore $backend:ty, $field:ident) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::{delegate::*, *};
            #[async_trait]
            impl ReachStore for $backend {
                async fn reached_by(&self, workspace: &WorkspaceId, sender: &str, since: i64) -> $crate::Result<Vec<(u64, i64)>> {
                    ReachStore::reached_by(&*self.$field, workspace, sender, since).await
                }
                async fn times_reached(&self, workspace: &WorkspaceId, people: &[u64], since: i64) -> $crate::Result<Vec<(u64, i64)>> {
                    ReachStore::times_reached(&*self.$field, workspace, people, since).await
                }
                async fn outdated_reach(&self, before: i64) -> $crate::Result<Vec<WorkspaceId>> {
                    ReachStore::outdated_reach(&*self.$field, before).await
                }
            }
        };
    };
}
