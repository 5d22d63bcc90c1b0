//! Chats with the bots of templates, written for this test: what the person does, and how many messages that gives. They
//! name options by their place, so that nothing of the templates stands here.

/// What the person does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    /// Writes.
    Says(&'static str),
    /// Chooses that option, from 1.
    Picks(usize),
    /// A request comes back with this JSON.
    Gets(&'static str),
}

/// A chat with one bot.
pub(crate) struct Script {
    pub(crate) bot: &'static str,
    /// Kinds of steps that need attention, which are left out; what a model answers is a text of ours.
    pub(crate) without: &'static [&'static str],
    /// The group that it begins with, from 0, where the start of the file leads to nothing more than a greeting.
    pub(crate) enters: Option<usize>,
    /// What is done, and how many messages come then.
    pub(crate) lines: &'static [(Does, usize)],
    /// How it is at last.
    pub(crate) status: &'static str,
    /// A variable that had a value on the way.
    pub(crate) variable: Option<(&'static str, &'static str)>,
}

/// Bots that are not run, and why.
pub(crate) const OUT_OF_SCOPE: &[(&str, &str)] = &[("digital-product-payment", "it takes payments")];

use Does::{Gets, Picks, Says};

const MAIL: Does = Says("ann@example.org");

pub(crate) const SCRIPTS: &[Script] = &[
    Script {
        bot: "customer-support",
        without: &[],
        enters: None,
        lines: &[
            (Says("hi"), 1),
            (Picks(2), 2),
            (Says("It breaks"), 1),
            (Says("no address"), 1),
            (MAIL, 2),
            (Picks(1), 1),
            (Picks(3), 3),
            (Says("Why?"), 1),
        ],
        status: "waiting",
        variable: Some(("email", "ann@example.org")),
    },
    Script {
        bot: "lead-gen",
        without: &[],
        enters: None,
        lines: &[(Says("hi"), 3), (Picks(1), 1), (Says("Ann"), 2), (MAIL, 1), (Picks(3), 1), (Says("No"), 2)],
        status: "done",
        variable: Some(("name", "Ann")),
    },
    Script {
        bot: "dog-insurance-offer",
        without: &[],
        enters: None,
        lines: &[
            (Says("hi"), 3),
            (Picks(1), 1),
            (Picks(2), 1),
            (Picks(1), 1),
            (Says("Rex"), 2),
            (Picks(2), 1),
            (Picks(1), 3),
            (MAIL, 2),
        ],
        status: "done",
        variable: Some(("estimated_price", "30")),
    },
    Script {
        bot: "product-recommendation",
        without: &[],
        enters: None,
        lines: &[
            (Says("hi"), 2),
            (Says("Ann"), 3),
            (Picks(2), 1),
            (Picks(1), 2),
            (Picks(1), 1),
            (Picks(2), 1),
            (Picks(1), 1),
            (Picks(1), 2),
            (Picks(4), 3),
            (MAIL, 4),
            (Picks(1), 0),
        ],
        status: "done",
        variable: Some(("name", "Ann")),
    },
    Script {
        bot: "movie-recommendation",
        without: &[],
        enters: None,
        lines: &[
            (Says("hi"), 5),
            (Picks(1), 1),
            (Gets(r#"{"genres": [{"id": 7, "name": "Drama"}, {"id": 9, "name": "Comedy"}]}"#), 1),
            (Picks(2), 1),
            (Gets(r#"{"results": [{"id": 1, "title": "One"}, {"id": 2, "title": "Two"}]}"#), 1),
            (Picks(2), 1),
            (Gets(r#"{"imdb_id": "tt2", "overview": "About two.", "poster_path": "/2.jpg"}"#), 2),
        ],
        status: "waiting",
        variable: Some(("selected_genre_id", "9")),
    },
    Script {
        bot: "lead-magnet",
        without: &["typebot:Email"],
        enters: None,
        lines: &[(Says("hi"), 4), (Says("Ann"), 1), (MAIL, 1), (Picks(3), 4)],
        status: "done",
        variable: Some(("name", "Ann")),
    },
    Script {
        bot: "savings-estimator",
        without: &["typebot:Set variable", "typebot:openai"],
        enters: None,
        lines: &[
            (Says("hi"), 2),
            (Picks(1), 1),
            (Picks(1), 1),
            (Picks(3), 4),
            (Picks(1), 2),
            (MAIL, 2),
            (Picks(2), 2),
            (Says("No"), 2),
            (Picks(1), 0),
        ],
        status: "done",
        variable: Some(("email", "ann@example.org")),
    },
    Script {
        bot: "lead-gen-ai",
        without: &["typebot:OpenAI"],
        enters: None,
        lines: &[(Says("hi"), 5), (Picks(1), 1), (Says("Ours"), 1), (MAIL, 1), (Picks(2), 2)],
        status: "done",
        variable: Some(("company", "Ours")),
    },
    Script {
        bot: "skin-typology",
        without: &["typebot:Email", "typebot:Set variable", "typebot:openai"],
        enters: None,
        lines: &[
            (Says("hi"), 2),
            (Picks(8), 1),
            (Picks(1), 1),
            (Picks(1), 2),
            (Picks(7), 1),
            (Picks(2), 2),
            (Picks(11), 1),
            (Picks(1), 1),
            (Picks(1), 1),
            (Picks(1), 1),
            (Picks(1), 1),
            (Picks(1), 1),
            (Picks(1), 1),
            (Picks(1), 1),
            (Picks(1), 1),
            (Picks(1), 1),
            (Picks(1), 1),
            (MAIL, 2),
            (Picks(1), 1),
        ],
        status: "done",
        variable: Some(("email", "ann@example.org")),
    },
    Script {
        bot: "basic-chat-gpt",
        without: &["typebot:openai"],
        enters: Some(3),
        lines: &[(Says("hi"), 2), (Says("Why?"), 1), (Says("And then?"), 1)],
        status: "waiting",
        variable: Some(("chat_history", r#"["Why?","An answer","And then?","An answer"]"#)),
    },
    Script {
        bot: "chat-gpt-personas",
        without: &["typebot:openai"],
        enters: Some(4),
        lines: &[
            (Says("hi"), 1),
            (Picks(2), 3),
            (Says("Why?"), 2),
            (Picks(1), 0),
            (Says("So?"), 2),
            (Picks(2), 1),
        ],
        status: "waiting",
        variable: Some(("user_message", "So?")),
    },
    Script {
        bot: "openai-assistant-chat",
        without: &["typebot:openai"],
        enters: Some(0),
        lines: &[(Says("hi"), 0), (Says("Why?"), 1), (Says("So?"), 1)],
        status: "waiting",
        variable: None,
    },
    Script {
        bot: "openai-conditions",
        without: &["typebot:openai"],
        enters: Some(0),
        lines: &[(Says("hi"), 1), (Says("Why?"), 1)],
        status: "done",
        variable: None,
    },
];
