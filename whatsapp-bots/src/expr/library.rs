//! What is more than paths: minijinja without a loader, with few filters, and with an end to what it may do and make.
use std::fmt;

use minijinja::{Environment, Error, UndefinedBehavior};

use super::{
    filters,
    path::Root,
    scan::{self, Why},
};

/// Steps of one rendering.
const FUEL: u64 = 10_000;
/// The name that an expression's value goes to.
pub(super) const RESULT: &str = "__result";

/// All rich templates and expressions of a bot.
pub(crate) struct RichValues {
    pub(super) environment: Environment<'static>,
    count: usize,
}

/// One of them: its name there, and what it reads.
#[derive(Clone, Debug)]
pub(crate) struct Rich {
    pub(super) name: Box<str>,
    pub(super) reads: Box<[(Box<str>, Root)]>,
}

impl fmt::Debug for RichValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RichValues").field("count", &self.count).finish_non_exhaustive()
    }
}

impl RichValues {
    pub(crate) fn new() -> Self {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(64);
        environment.set_formatter(filters::write_value);
        environment.add_filter("upper", minijinja::filters::upper);
        environment.add_filter("lower", minijinja::filters::lower);
        environment.add_filter("title", minijinja::filters::title);
        environment.add_filter("capitalize", minijinja::filters::capitalize);
        environment.add_filter("trim", minijinja::filters::trim);
        environment.add_filter("length", minijinja::filters::length);
        environment.add_filter("abs", minijinja::filters::abs);
        environment.add_filter("round", minijinja::filters::round);
        environment.add_filter("int", minijinja::filters::int);
        environment.add_filter("float", minijinja::filters::float);
        environment.add_filter("first", minijinja::filters::first);
        environment.add_filter("last", minijinja::filters::last);
        environment.add_filter("default", filters::or_default);
        environment.add_filter("join", filters::join);
        environment.add_filter("replace", filters::replace);
        environment.add_filter("times", filters::times);
        environment.add_filter("word", filters::word);
        environment.add_filter("counterpart", filters::counterpart);
        environment.add_filter("urlencode", filters::url_encode);
        environment.add_filter("number", filters::as_number);
        environment.add_filter("find_number", filters::find_number);
        Self { environment, count: 0 }
    }

    /// Adds a template. `root` says what a name is.
    pub(crate) fn template(&mut self, source: &str, root: impl FnMut(&str) -> Root) -> Result<Rich, Why> {
        scan::template(source)?;
        // A newline at the end of a text is the author's; the language would drop one.
        let ending = if source.ends_with('\n') { "\n" } else { "" };
        self.add(format!("{source}{ending}"), root)
    }

    /// Adds an expression.
    pub(crate) fn expression(&mut self, source: &str, root: impl FnMut(&str) -> Root) -> Result<Rich, Why> {
        scan::expression(source)?;
        self.add(format!("{{% set {RESULT} = ({source}) %}}"), root)
    }

    fn add(&mut self, source: String, mut root: impl FnMut(&str) -> Root) -> Result<Rich, Why> {
        let name = self.count.to_string();
        let wrong = |error: Error| Why::Syntax(error.line().unwrap_or(1));
        self.environment.add_template_owned(name.clone(), source).map_err(wrong)?;
        let template = self.environment.get_template(&name).map_err(wrong)?;
        let mut names: Vec<_> = template.undeclared_variables(false).into_iter().collect();
        names.sort_unstable();
        self.count += 1;
        let reads = names.into_iter().map(|name| (name.as_str().into(), root(&name))).collect();
        Ok(Rich { name: name.into(), reads })
    }
}
