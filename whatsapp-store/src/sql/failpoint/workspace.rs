//! Changes of the domains that belong to a workspace: campaigns, flows, teams, webhooks.
use bytes::Bytes;

use super::samples::account;
use crate::{
    ApiKeyRecord, AttemptOutcome, AudienceBatch, AudienceRow, CampaignChange, CampaignMove, CampaignRecord,
    CampaignState, Change, ConversationRecord, ConversationStatus, DeliveryRecord, DeliveryState, Effect,
    EndpointRecord, FlowChange, LaneRecord, NodeCount, Outcome, RangeClaim, RecipientState, ResetToken, Role,
    Settlement, Stamp, Store, TeamChange, UserRecord, WebhookChange, WorkspaceRecord,
};

/// Claims that the changes depend on.
pub(super) struct Claims {
    epoch: i64,
    token: i64,
}

impl Claims {
    /// Claims the records that [`before`] has made.
    pub(super) async fn take(store: &dyn Store) -> Self {
        let claim =
            RangeClaim { campaign: "c".into(), lane: 0, owner: "me".into(), now: 1, until: 10, limit: 2 };
        let lease = store.lease_range(account().workspace(), &claim).await.unwrap().unwrap();
        let deliveries = store.claim_deliveries(5, 10, 1).await.unwrap();
        assert_eq!(deliveries[0].delivery.id, "first");
        Self { epoch: lease.epoch, token: deliveries[0].token }
    }
}

fn campaign(id: &str) -> CampaignChange {
    CampaignChange::Put(CampaignRecord {
        id: id.into(),
        number: 0,
        name: "n".into(),
        state: CampaignState::Running,
        reason: None,
        definition: "{}".into(),
        base_at: 0,
        created_at: 1,
        updated_at: 1,
    })
}

fn lane(lane: i32) -> CampaignChange {
    CampaignChange::PutLane(LaneRecord {
        campaign: "c".into(),
        lane,
        next: 0,
        end: 3,
        definition: "{}".into(),
    })
}

fn audience(lane: i32) -> CampaignChange {
    let rows = vec![AudienceRow { address: "1".into(), ..AudienceRow::default() }; 3];
    CampaignChange::AddAudience(AudienceBatch { campaign: "c".into(), lane, first_seq: 0, rows })
}

fn settlement(epoch: i64) -> CampaignChange {
    let effect = |state, stamp| Effect {
        state: Some(state),
        from: RecipientState::bits(&[RecipientState::Pending]),
        stamp,
        ..Effect::default()
    };
    let outcomes = vec![
        Outcome {
            seq: 0,
            effect: Effect { flags: 1, ..effect(RecipientState::Acked, Some(Stamp::Sent)) },
            retry_at: None,
        },
        Outcome { seq: 1, effect: effect(RecipientState::Retry, None), retry_at: Some(9_000) },
    ];
    CampaignChange::Settle(Settlement {
        campaign: "c".into(),
        lane: 0,
        epoch: Some(epoch),
        at: 2_000,
        outcomes,
    })
}

fn endpoint(description: &str) -> WebhookChange {
    WebhookChange::PutEndpoint(EndpointRecord {
        id: "e".into(),
        url: "https://example.com".into(),
        secret: Bytes::from("secret"),
        topics: vec!["#".into()],
        enabled: true,
        created_at: 1,
        updated_at: 1,
        failing_since: None,
        description: description.into(),
    })
}

fn delivery(id: &str, next_at: i64, done_at: Option<i64>) -> WebhookChange {
    WebhookChange::PutDelivery(DeliveryRecord {
        id: id.into(),
        endpoint: "e".into(),
        position: "1".into(),
        key: "k".into(),
        body: "{}".into(),
        state: if done_at.is_some() { DeliveryState::Dead } else { DeliveryState::Pending },
        attempts: 0,
        next_at,
        last_status: None,
        last_error: None,
        created_at: 1,
        done_at,
    })
}

fn conversation(chat: &str, revision: i64, expected: Option<i64>) -> FlowChange {
    let record = ConversationRecord {
        account: account(),
        chat: chat.into(),
        flow: "f".into(),
        version: 1,
        state: Bytes::from("s"),
        status: ConversationStatus::Waiting,
        wake_at: Some(9),
        revision,
        updated_at: 1,
    };
    FlowChange::PutConversation { record, expected }
}

fn draft(name: &str) -> FlowChange {
    FlowChange::PutDraft { flow: "f".into(), name: name.into(), draft: Some("{}".into()), at: 1 }
}

fn publication(at: i64) -> FlowChange {
    FlowChange::Publish { flow: "f".into(), definition: "{}".into(), at, by: "u".into() }
}

fn input(id: &str) -> FlowChange {
    FlowChange::SeenInput { account: account(), chat: "c".into(), message_id: id.into(), at: 1 }
}

fn workspace(name: &str) -> TeamChange {
    TeamChange::PutWorkspace(WorkspaceRecord {
        id: account().workspace().clone(),
        name: name.into(),
        tier: "t".into(),
        created_at: 1,
        updated_at: 1,
    })
}

fn user(id: &str, email: &str) -> TeamChange {
    TeamChange::PutUser(UserRecord {
        id: id.into(),
        workspace: account().workspace().clone(),
        email: email.into(),
        password_hash: "h".into(),
        name: "n".into(),
        role: Role::Agent,
        tier: "t".into(),
        created_at: 1,
        disabled_at: None,
        password_changed_at: 1,
        updated_at: 1,
    })
}

fn api_key(id: &str, hash: u8) -> TeamChange {
    TeamChange::PutApiKey(ApiKeyRecord {
        id: id.into(),
        workspace: account().workspace().clone(),
        hash: [hash; 32],
        name: "n".into(),
        scopes: vec!["read".into()],
        created_at: 1,
        last_used_at: None,
        expires_at: None,
        revoked_at: None,
        updated_at: 1,
    })
}

fn reset_token(hash: u8) -> TeamChange {
    let workspace = account().workspace().clone();
    TeamChange::PutResetToken(ResetToken { hash: [hash; 32], workspace, user: "u".into(), expires_at: 9 })
}

pub(super) fn before() -> Vec<Change> {
    vec![
        campaign("c").into(),
        lane(0).into(),
        audience(0).into(),
        endpoint("").into(),
        delivery("first", 1, None).into(),
        delivery("second", 2, None).into(),
        delivery("done", 2, Some(1)).into(),
        draft("n").into(),
        publication(1).into(),
        conversation("c", 1, None).into(),
        conversation("d", 1, None).into(),
        FlowChange::EndConversation { account: account(), chat: "d".into(), at: 1 }.into(),
        input("old").into(),
        workspace("n").into(),
        user("u", "a@example.com").into(),
        api_key("k", 1).into(),
        reset_token(1).into(),
    ]
}

pub(super) fn writes(claims: &Claims) -> Vec<Change> {
    let (c, endpoint_id, flow) = ("c".to_owned(), "e".to_owned(), "f".to_owned());
    let step = CampaignMove {
        campaign: c.clone(),
        state: CampaignState::Paused,
        reason: None,
        from: CampaignState::bits(&[CampaignState::Running]),
        at: 3,
    };
    let epoch = claims.epoch;
    let renewal = CampaignChange::RenewLease { campaign: c.clone(), lane: 0, epoch, until: 20 };
    let release = CampaignChange::ReleaseLease { campaign: c, lane: 0, epoch, unsent: 2 };
    let outcome = AttemptOutcome::RetryAt(20);
    let attempt = WebhookChange::Attempted {
        id: "first".into(),
        token: claims.token,
        at: 6,
        status: Some(500),
        error: None,
        outcome,
    };
    let count = NodeCount { node: "n".into(), entered: 1, left: 1, dropped: 0, millis: 1 };
    vec![
        campaign("new").into(),
        lane(1).into(),
        audience(1).into(),
        settlement(epoch).into(),
        renewal.into(),
        release.into(),
        CampaignChange::SetState(step).into(),
        endpoint("new").into(),
        WebhookChange::SetFailing { endpoint: endpoint_id, since: Some(6) }.into(),
        attempt.into(),
        delivery("third", 3, None).into(),
        WebhookChange::Redeliver { id: "done".into(), at: 7 }.into(),
        draft("new").into(),
        publication(2).into(),
        FlowChange::SetEnabled { flow: flow.clone(), enabled: true, at: 2 }.into(),
        conversation("c", 2, Some(1)).into(),
        conversation("e", 1, None).into(),
        input("new").into(),
        FlowChange::CountNode { flow, version: 1, count }.into(),
        workspace("new").into(),
        user("u", "b@example.com").into(),
        user("v", "c@example.com").into(),
        api_key("l", 2).into(),
        TeamChange::TouchApiKey { key: "k".into(), at: 2 }.into(),
        TeamChange::RevokeApiKey { key: "k".into(), at: 2 }.into(),
        reset_token(2).into(),
    ]
}

pub(super) fn removals() -> Vec<Change> {
    vec![
        CampaignChange::Delete { campaign: "c".into() }.into(),
        WebhookChange::Trim { before: 100 }.into(),
        WebhookChange::DeleteEndpoint { id: "e".into() }.into(),
        FlowChange::EndConversation { account: account(), chat: "c".into(), at: 3 }.into(),
        FlowChange::ForgetEnded { before: 2, limit: 10 }.into(),
        FlowChange::ForgetInputs { before: 2, limit: 10 }.into(),
        FlowChange::ForgetConversation { account: account(), chat: "c".into() }.into(),
        FlowChange::Delete { flow: "f".into(), at: 3 }.into(),
        TeamChange::DeleteUser("v".into()).into(),
    ]
}

pub(super) fn everything() -> Vec<Change> {
    vec![TeamChange::DeleteWorkspace.into()]
}
