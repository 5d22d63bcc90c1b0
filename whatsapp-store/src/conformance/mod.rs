//! Tests that every backend must pass, written once.
//!
//! A backend's tests need one line, [`conformance_tests!`](crate::conformance_tests), which makes a test of each case:
//!
//! ```
//! # #[cfg(feature = "memory")] mod tests {
//! use std::sync::Arc;
//! use whatsapp_store::{Store, conformance_tests, memory::MemoryStore};
//!
//! async fn fresh() -> (Arc<dyn Store>, ()) {
//!     (Arc::new(MemoryStore::new()), ())
//! }
//!
//! conformance_tests!(memory, fresh);
//! # }
//! ```
//!
//! The function returns an empty store, and something that is dropped after it, such as the folder that it lives in.
//! Each case gets its own store, and calls only what [`Store`] offers. `docs/guides/storage-backend.md` has the details.
#![allow(clippy::unwrap_used, reason = "these are tests: a panic is how they fail")]

mod appstate;
mod audience;
mod audit;
mod campaign;
mod chat;
mod commit;
mod contact;
mod contact_list;
mod contacted;
mod conversation;
mod counter;
mod delivery;
mod device;
mod edit;
mod event;
mod flow;
mod lease;
mod merge;
mod message;
mod notice;
mod outgoing;
mod person;
mod revision;
mod samples;
mod search;
mod session;
mod setting;
mod signal;
mod suppression;
mod team;
mod webhook;

use std::sync::Arc;

use crate::Store;

/// The cases, by name.
pub mod cases {
    pub use super::{
        appstate::*, audience::*, audit::*, campaign::*, chat::*, commit::*, contact::*, contact_list::*,
        contacted::*, conversation::*, counter::*, delivery::*, device::*, edit::*, event::*, flow::*,
        lease::*, merge::*, message::*, notice::*, outgoing::*, person::*, revision::*, search::*,
        session::*, setting::*, signal::*, suppression::*, team::*, webhook::*,
    };
}

/// Makes a module of tests, one for each case: `conformance_tests!(module_name, factory)`, where `factory` is an async
/// function without arguments that returns an empty store as `Arc<dyn Store>` and a guard to be dropped after it. See
/// [`conformance`](crate::conformance) for an example.
#[macro_export]
macro_rules! conformance_tests {
    ($name:ident, $factory:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::conformance_tests!(@each ($factory)
                absent_device_is_none
                device_comes_back_as_written
                deleted_device_removes_its_records
                queued_messages_outlast_a_replaced_device_alone
                absent_signal_records_are_none
                signal_batch_keeps_the_order_asked
                signal_batches_of_any_size
                signal_kinds_are_separate
                signal_values_are_any_bytes
                signal_ids_come_in_byte_order
                deleted_signal_record_is_absent
                person_is_found_by_either_address
                person_replaces_those_with_an_address_of_it
                person_with_both_addresses_joins_two
                people_come_in_the_order_asked
                deleted_person_is_absent_by_both_addresses
                person_without_address_is_refused
                notice_comes_back_as_written
                notices_are_oldest_first
                notices_are_bounded
                notices_go_with_the_device
                outgoing_comes_back_as_written
                queue_is_oldest_first
                queue_holds_what_is_queued
                rewritten_outgoing_keeps_its_place
                only_old_and_sent_outgoing_expires
                absent_message_is_none
                message_comes_back_as_written
                message_is_inserted_once
                messages_differ_by_chat_sender_and_id
                status_only_rises
                pages_are_newest_first
                pages_of_one_chat
                page_limits_are_bounded
                edited_message_has_its_new_content
                deleted_message_leaves_a_trace
                only_its_sender_edits_a_message
                edit_waits_for_its_message
                edits_do_not_wait_for_ever
                edited_file_stays
                waiting_edits_follow_a_merge
                foreign_cursors_are_refused
                pages_are_stable_while_messages_come_in
                chats_agree_on_the_last_of_concurrent_messages
                merged_chat_has_the_messages_of_both
                merge_keeps_one_message_of_each_key
                merged_chat_has_the_summary_of_both
                merged_messages_are_found_by_words
                queued_messages_go_to_the_merged_chat
                merged_chat_has_one_conversation
                merge_joins_contacts
                merge_shares_suppressions
                merge_of_an_absent_chat_changes_nothing
                absent_session_is_none
                sessions_are_oldest_first
                session_is_replaced
                pages_of_sessions_are_oldest_first
                what_people_edit_is_changed_as_it_was_read
                one_of_many_makes_what_people_edit
                a_setting_is_changed_as_it_was_read
                deleted_session_removes_all_records_of_its_account
                absent_contact_is_none
                contact_comes_back_as_written
                contacts_by_phone_keep_the_order_asked
                put_contact_keeps_newer_consent_and_opt_out
                contact_changes_one_by_one
                newer_of_consent_and_opt_out_wins
                contacts_do_not_share_an_address
                addresses_have_one_form
                only_a_newer_consent_ends_a_suppression
                deleted_contact_leaves_its_suppressions
                contact_pages_are_newest_first
                contacts_are_found_by_words
                contacts_of_workspaces_are_separate
                concurrent_contact_changes_lose_nothing
                concurrent_contacts_do_not_share_a_number
                audience_matches_its_filter
                audience_counts_each_excluded_contact_once
                audience_handles_any_text
                counters_add_up_by_hour_and_day
                counters_of_one_commit_are_written_in_order
                counters_are_separate
                concurrent_counters_lose_nothing
                audit_entries_come_back_as_written
                audit_pages_are_newest_first
                audit_entries_expire_only_by_age
                setting_comes_back_as_written
                seed_never_replaces_a_setting
                concurrent_seeds_agree
                settings_of_workspaces_are_separate
                settings_are_listed_by_prefix
                people_contacted_by_a_sender_come_with_the_last_time
                times_of_people_come_from_all_senders
                contacted_people_are_noted_once
                contacted_notes_hold_any_person_time_and_sender
                contacted_in_large_batches
                old_contacted_are_trimmed
                concurrent_trims_of_contacted_do_not_block
                changes_apply_in_the_order_given
                empty_commit_is_fine
                failed_commit_leaves_nothing
                failing_commits_fail_alone
                concurrent_committers_lose_nothing
                accounts_are_separate
                text_is_any_unicode
                values_may_be_large
                webhook_endpoint_comes_back_as_written
                webhook_endpoints_are_oldest_first
                failing_webhook_endpoint_keeps_its_time
                webhook_delivery_comes_back_as_written
                webhook_delivery_is_inserted_once
                contradictory_webhook_delivery_is_refused
                webhook_deliveries_are_paged_newest_first
                webhook_delivery_pages_are_stable_under_writes
                deleted_webhook_endpoint_removes_its_deliveries
                webhook_backlog_counts_by_endpoint
                claimed_webhook_delivery_is_hidden_for_a_while
                webhook_attempts_are_noted
                stale_webhook_attempt_changes_nothing
                webhook_delivery_is_sent_anew
                done_webhook_deliveries_are_trimmed
                disabled_webhook_endpoint_is_not_served
                webhook_endpoints_take_turns
                webhook_endpoint_cannot_hold_all_workers
                webhook_deliveries_are_claimed_once
                no_webhook_delivery_outlives_its_endpoint
                absent_chat_is_none
                chat_summary_follows_its_messages
                unread_messages_are_counted
                chat_is_marked_read
                chat_names_and_flags_come_back_as_written
                deleted_chat_removes_its_messages
                old_messages_expire
                chats_are_latest_first
                chat_pages_are_bounded
                chat_pages_are_stable_while_chats_move
                chat_summary_survives_concurrent_writers
                messages_are_found_by_their_words
                searches_accept_any_text
                long_texts_are_found_by_their_words
                only_text_is_searched
                search_results_are_paged
                removed_messages_are_not_found
                message_with_a_file_comes_back_as_written
                oldest_message_is_reported
                chat_summary_survives_removals_under_writes
                absent_events_are_none
                event_comes_back_as_written
                events_come_in_one_order
                events_of_a_large_commit_keep_their_order
                foreign_positions_are_invalid
                positions_of_a_later_state_are_ahead
                consumers_keep_their_positions
                consumers_are_listed_by_prefix
                events_are_kept_for_the_slowest_consumer
                failed_commit_leaves_no_event
                no_event_appears_behind_a_reader
                waiters_wake_up_for_new_events
                lease_has_one_holder
                leases_are_prolonged_together
                lease_tokens_only_rise
                lease_is_given_back
                leases_of_workspaces_are_separate
                fenced_commit_stands_on_its_lease
                commit_without_its_lease_writes_nothing
                concurrent_acquirers_have_one_winner
                writes_end_when_the_lease_changes_hands
                app_state_version_comes_back_as_written
                app_state_key_comes_back_as_written
                app_state_macs_keep_the_order_asked
                app_state_macs_are_replaced_and_removed
                app_state_reset_keeps_the_keys
                deleted_device_removes_its_app_state
                observed_session_state_comes_back_as_written
                session_keeps_its_observed_state
                sessions_of_workspaces_are_separate
                workspace_commit_refuses_changes_of_accounts
                campaign_comes_back_as_written
                campaign_put_again_keeps_its_state
                campaign_numbers_are_never_given_twice
                campaign_pages_are_newest_first
                a_campaign_is_changed_as_it_was_read
                concurrent_changes_of_a_campaign_build_on_each_other
                campaigns_are_found_by_state
                campaign_moves_only_from_named_states
                wrong_campaign_changes_are_refused
                deleted_campaign_leaves_nothing
                campaigns_of_workspaces_are_separate
                audience_comes_back_as_written
                audience_is_added_once
                campaign_export_pages_by_lane_and_place
                settled_recipient_comes_back_as_written
                flags_are_set_in_any_state
                settling_twice_has_no_further_effect
                outcomes_apply_in_the_order_given
                moves_are_counted_by_minute
                outcomes_in_any_order_end_the_same
                counters_equal_a_recount
                flags_are_counted_once
                flags_are_counted_with_the_state
                flags_of_a_later_version_are_kept
                concurrent_flags_are_counted_once
                flags_go_with_their_campaign
                ranges_are_leased_in_order
                lane_put_again_keeps_its_cursor
                ranges_are_leased_while_the_campaign_runs
                expired_lease_is_taken_over
                stale_epoch_is_fenced
                unsent_places_are_leased_next
                doubt_remains_after_a_release
                concurrent_leasing_hands_out_each_place_once
                retries_are_leased_when_they_are_due
                retries_of_a_lost_lease_are_taken_over
                released_retries_are_due_again
                concurrent_retries_are_leased_once
                absent_flow_is_none
                flow_comes_back_as_written
                only_an_existing_flow_is_published
                versions_are_numbered_one_by_one
                flow_heads_are_flows_without_drafts
                flows_are_oldest_first
                deleted_flow_removes_its_versions
                a_flow_is_changed_as_it_was_read
                one_of_many_makes_a_flow
                conversation_comes_back_as_written
                contradictory_conversation_is_refused
                conversation_goes_on_from_the_revision_read
                one_node_answers_an_input
                conversation_loses_no_step
                conversations_are_latest_first
                due_conversations_are_claimed_once
                concurrent_claims_share_due_conversations
                input_is_noted_once
                only_old_inputs_and_conversations_are_forgotten
                forgotten_conversation_leaves_nothing
                node_counts_add_up
                flows_of_workspaces_are_separate
                absent_user_is_none
                team_comes_back_as_written
                email_belongs_to_one_user
                concurrent_users_do_not_share_an_email
                teams_are_listed_oldest_first
                api_key_stays_revoked
                reset_token_is_taken_once
                team_records_belong_to_the_workspace
                deleted_workspace_leaves_nothing
            );
        }
    };
    (@each ($factory:expr) $($case:ident)+) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::run($factory, $crate::conformance::cases::$case);
            }
        )+
    };
}

/// Runs one case on a fresh store. [`conformance_tests!`](crate::conformance_tests) calls it.
///
/// # Panics
/// When the backend does not do what the case asks for.
pub fn run<Guard>(
    factory: impl AsyncFnOnce() -> (Arc<dyn Store>, Guard),
    case: impl AsyncFnOnce(Arc<dyn Store>),
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (store, guard) = factory().await;
        case(store.clone()).await;
        store.close().await;
        drop(store);
        drop(guard);
    });
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// All files of a folder and of its subfolders, one after the other.
    fn sources(folder: &Path) -> String {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() })
            .collect()
    }

    /// A case that is not in the list would never run, and one that a merge takes out of it would not be missed.
    #[test]
    fn every_case_is_in_the_list() {
        let list = include_str!("mod.rs");
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance"));
        let names: Vec<_> =
            sources.split("\npub async fn ").skip(1).filter_map(|case| case.split('(').next()).collect();
        assert!(names.len() > 150, "the search found {names:?}");
        for name in names {
            assert!(list.lines().any(|line| line.trim() == name), "{name} is not in the list");
        }
    }
}
