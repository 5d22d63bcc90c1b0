//! Addresses: of e-mail, of the web.
use crate::numbers::readable;

/// Characters of an address of the web.
const URL: usize = 2_048;

pub(super) fn email(text: &str) -> Option<String> {
    let text = readable(text);
    let text = text.trim().trim_start_matches("mailto:").to_lowercase();
    let (local, host) = text.rsplit_once('@')?;
    let is_local = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    let fits = text.len() <= 254 && (1..=64).contains(&local.len()) && local.chars().all(is_local);
    let dots = !local.starts_with('.') && !local.ends_with('.') && !text.contains("..");
    (fits && dots && is_host(host)).then_some(text)
}

/// Names with at least one point, the last without digits alone.
fn is_host(host: &str) -> bool {
    let mut labels = host.split('.');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253
        && host.contains('.')
        && labels.all(is_label)
        && top.chars().count() >= 2
        && !top.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn url(text: &str) -> Option<String> {
    if text.len() > URL || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split(['/', '?', '#']).next()?;
    let host = host
        .split_once(':')
        .map_or(Some(host), |(host, port)| port.parse::<u16>().is_ok().then_some(host))?;
    (matches!(&*scheme, "http" | "https") && is_host(host)).then(|| format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(email(" ").or(email("Ana.B+x@Example.ORG")), Some("ana.b+x@example.org".into()));
        for text in ["ana", "a@b", "a@@b.org", ".a@b.org", "a b@c.org", "a@b..org", "a@-b.org", "a@1.2.3.4"] {
            assert_eq!(email(text), None, "{text}");
        }
        assert_eq!(url("example.org/a?b"), Some("https://example.org/a?b".into()));
        assert_eq!(url("HTTP://example.org:80"), Some("http://example.org:80".into()));
        for text in [
            "localhost",
            "javascript:alert(1)",
            "ftp://example.org",
            "https://a b.org",
            "https://ana@example.org",
        ] {
            assert_eq!(url(text), None, "{text}");
        }
    }
}
