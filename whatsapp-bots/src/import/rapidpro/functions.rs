//! The functions that have a counterpart.
use super::excellent::JSON;

/// A call, as an expression of ours.
pub(super) struct Call {
    pub(super) expression: String,
    /// What is not quite the same.
    pub(super) about: Option<&'static str>,
}

/// A call of a function with arguments that are expressions of ours.
pub(super) fn call(function: &str, arguments: &[String]) -> Option<Call> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut about = None;
    let expression = match (function, &arguments[..]) {
        ("abs", [value]) => format!("({value} | number | abs)"),
        ("upper" | "lower" | "title", [value]) => format!("{value} | {function}"),
        ("clean" | "trim", [value]) => format!("{value} | trim"),
        ("text_length" | "len" | "count", [value]) => format!("{value} | length"),
        ("url_encode", [value]) => format!("{value} | urlencode"),
        ("word", [value, place]) => format!("({value} | word({place}))"),
        ("round", [value]) => format!("({value} | number | round)"),
        ("round", [value, places]) => format!("({value} | number | round({places}))"),
        ("number", [value]) => format!("({value} | number)"),
        ("text", [value]) => format!("({value} ~ '')"),
        ("json", [value]) => format!("{value}{JSON}"),
        ("default", [value, other]) => format!("({value} | default({other}))"),
        ("replace", [value, one, other]) => format!("{value} | replace({one}, {other})"),
        ("join", [value, between]) => format!("{value} | join({between})"),
        ("if", [when, one, other]) => format!("({one} if {when} else {other})"),
        ("and", [_, ..]) => format!("({})", arguments.join(" and ")),
        ("or", [_, ..]) => format!("({})", arguments.join(" or ")),
        ("sum", [_, ..]) => {
            let numbers: Vec<_> = arguments.iter().map(|value| format!("({value} | number)")).collect();
            format!("({})", numbers.join(" + "))
        }
        ("concat", [_, ..]) => format!("({})", arguments.join(" ~ ")),
        ("today", []) => "today".to_owned(),
        ("now", []) => "now".to_owned(),
        ("format_urn" | "format_location", [value]) => {
            about = Some("it is shown as it is stored");
            (*value).to_owned()
        }
        _ => return None,
    };
    Some(Call { expression, about })
}
