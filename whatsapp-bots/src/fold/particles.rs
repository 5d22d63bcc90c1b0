//! Korean particles and endings: they are written onto the word before them.
use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;

/// Particles that end a word, or stand before another one.
const PARTICLES: &str = "을 를 이 가 은 는 께서 에 에서 에게 에게서 한테 한테서 께 으로 로 으로서 로서 으로써 로써 와 과 랑 이랑 도 만 의 까지 부터 \
    마저 조차 밖에 마다 처럼 보다 이나 나 이란 란 이라도 라도 이라고 라고 들 요 이요 좀 야 아 님 씨 이에요 예요 이예요 이야 입니다 입니까 인가요 인데 인데요 \
    이죠 죠 이지만 건 건요 때문에 대해 대해서 관련 관련해서";

/// What a verb begins with that is made of a noun: to do, to become, to let.
const VERBS: &str = "하 해 할 합 한 했 함 되 돼 됩 될 된 됐 시켜 시키 드려 드리 받 못 안";

fn folded(list: &'static str) -> Vec<String> {
    list.split_whitespace().map(|word| word.nfkd().collect()).collect()
}

/// Is this what may be written onto a word: particles, or a verb that is made of it? The text is folded.
pub(super) fn follow(rest: &str) -> bool {
    static PARTICLE: OnceLock<Vec<String>> = OnceLock::new();
    static VERB: OnceLock<Vec<String>> = OnceLock::new();
    let (particles, verbs) = (PARTICLE.get_or_init(|| folded(PARTICLES)), VERB.get_or_init(|| folded(VERBS)));
    let is_verb = verbs.iter().any(|verb| begins(rest, verb).is_some());
    // Two in a row at most: `에서는`, `까지만`.
    let is_last = |rest: &str| particles.iter().any(|particle| particle == rest);
    is_verb || is_last(rest) || particles.iter().filter_map(|particle| begins(rest, particle)).any(is_last)
}

/// What is left of a text that begins with a whole syllable or several.
fn begins<'t>(text: &'t str, part: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(part)?;
    let is_inside = |c: char| matches!(c, '\u{1160}'..='\u{11ff}');
    (!rest.starts_with(is_inside)).then_some(rest)
}
