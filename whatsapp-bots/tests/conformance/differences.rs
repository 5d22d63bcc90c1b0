//! Where we differ from them on purpose, and what is not ours to do. Each entry is checked: one that no case needs any more
//! fails the test.

/// A difference of one case.
pub(crate) struct Difference {
    pub(crate) case: &'static str,
    pub(crate) allow: Allow,
    pub(crate) why: &'static str,
}

/// What may differ.
#[derive(Debug)]
pub(crate) enum Allow {
    /// The bot is not published, because of this finding of the validation.
    Refused(&'static str),
    /// Steps of this kind need attention and are left out.
    Attention(&'static str),
    /// Their events of this kind have no counterpart.
    Theirs(&'static str),
    /// One event of that kind says something else: sprint and place among the events of the sprint, from 0.
    Event(usize, usize),
    /// So many of their events at that sprint and place are not there with us.
    Dropped(usize, usize, usize),
}

use Allow::{Attention, Dropped, Event, Refused, Theirs};

const fn differs(case: &'static str, allow: Allow, why: &'static str) -> Difference {
    Difference { case, allow, why }
}

const LOOP: &str =
    "a loop without a wait is refused before it runs, where theirs is stopped after a number of steps";
const PHONE: &str = "a number is shown as it is stored, not in the way of its country";
const EXTRA: &str = "`legacy_extra`, given up by theirs, holds the last answer alone";
const EMAIL: &str = "no e-mail is sent by flows; the step is reported and keeps the bot from being published";
const NEEDS: &str = "it has no counterpart; the step is reported and keeps the bot from being published";

/// Cases that are not run.
pub(crate) const OUT_OF_SCOPE: &[(&str, &str)] =
    &[("triggered.test", "the flow of another contact starts it and is read from")];

pub(crate) const DIFFERENCES: &[Difference] = &[
    differs(
        "all_actions.test",
        Attention("rapidpro:add_contact_groups"),
        "tags are given by their own names alone",
    ),
    differs("all_actions.test", Attention("rapidpro:add_contact_urn"), NEEDS),
    differs("all_actions.test", Attention("rapidpro:add_input_labels"), NEEDS),
    differs(
        "all_actions.test",
        Attention("rapidpro:remove_contact_groups"),
        "tags are taken by their own names alone",
    ),
    differs("all_actions.test", Attention("rapidpro:send_broadcast"), NEEDS),
    differs("all_actions.test", Attention("rapidpro:send_email"), EMAIL),
    differs("all_actions.test", Attention("rapidpro:set_contact_channel"), NEEDS),
    differs("all_actions.test", Attention("rapidpro:start_session"), NEEDS),
    differs("all_actions.test", Theirs("input_labels_added"), NEEDS),
    differs("all_actions.test", Theirs("contact_urns_changed"), NEEDS),
    differs("all_actions.test", Theirs("email_sent"), EMAIL),
    differs("all_actions.test", Theirs("session_triggered"), NEEDS),
    differs("all_actions.test", Theirs("broadcast_created"), NEEDS),
    differs("all_actions.test", Dropped(0, 0, 2), "of a step that needs attention"),
    differs("all_actions.test", Dropped(0, 1, 1), "the tag was not given by a step that needs attention"),
    differs("all_actions.test", Dropped(0, 2, 2), "of a step that needs attention"),
    differs("all_actions.test", Event(0, 4), "a place is shown as it is stored, not by its last part"),
    differs(
        "all_actions.test",
        Event(0, 5),
        "buttons are for questions; without a wait they are left out and reported",
    ),
    differs("all_actions.test", Dropped(0, 10, 1), "groups by query are the host's"),
    differs("extra.test", Event(0, 0), EXTRA),
    differs("extra.test", Event(0, 2), EXTRA),
    differs("extra.test", Event(0, 5), EXTRA),
    differs("extra.test", Event(1, 1), EXTRA),
    differs("node_loop.test", Refused("E007"), LOOP),
    differs("ping_pong.test", Refused("E008"), LOOP),
    differs("stop.test", Theirs("tag"), "tags of somebody who opts out are the host's"),
    differs("ticketing_resultless.test", Attention("rapidpro:send_email"), EMAIL),
    differs("ticketing_resultless.test", Theirs("email_sent"), EMAIL),
    differs("two_questions.test", Event(0, 0), PHONE),
    differs("two_questions.test_resume_with_expiration", Event(0, 0), PHONE),
    differs("webhook_noresult.test", Event(0, 3), "a request as a text is its answer, not its address"),
];
