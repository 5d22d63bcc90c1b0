//! Works in processes of their own: what they take of memory is theirs alone, and another process is another node.
use std::collections::BTreeMap;

use tokio::process::Command;

use super::{freeze, memory, pause, simulate};
use crate::storage::Result;

/// Says to the bench that this process is such a one.
pub(crate) const CHILD: &str = "--child";

/// What such a process is asked to do.
pub(super) fn asked(arguments: &[String]) -> Option<impl Future<Output = Result<()>> + use<>> {
    let [child, work, arguments @ ..] = arguments else { return None };
    (child == CHILD).then(|| {
        let (work, arguments) = (work.clone(), arguments.to_vec());
        async move {
            let argument = |place: usize| arguments.get(place).map(String::as_str).ok_or("too few words");
            match &*work {
                "freeze" => freeze::child(argument(0)?, argument(1)?).await,
                "memory" => memory::child(argument(0)?).await,
                "pause" => pause::child(argument(0)?, argument(1)?).await,
                "simulate" => simulate::child(argument(0)?.parse()?),
                _ => Err("no such work".into()),
            }
        }
    })
}

/// Prints a figure for the process that started this one.
pub(crate) fn tell(name: &str, value: f64) {
    println!("{name}\t{value}");
}

/// Figures that a process told, by name.
pub(crate) type Told = BTreeMap<String, f64>;

/// Has another process do something, and hears what it tells.
pub(crate) async fn ask(work: &str, arguments: &[&str]) -> Result<Told> {
    let program = std::env::current_exe()?;
    let output = Command::new(program).arg(CHILD).arg(work).args(arguments).output().await?;
    if !output.status.success() {
        return Err(format!("{work}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().filter_map(figure).collect())
}

fn figure(line: &str) -> Option<(String, f64)> {
    let (name, value) = line.split_once('\t')?;
    Some((name.to_owned(), value.parse().ok()?))
}

/// One of them.
pub(crate) fn of(told: &Told, name: &str) -> f64 {
    told.get(name).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_travel_between_processes() {
        assert_eq!(figure("rows\t1.5"), Some(("rows".to_owned(), 1.5)));
        assert_eq!((figure("running 3 tests"), figure("rows\tmany")), (None, None));
        assert!(asked(&["pause".to_owned()]).is_none() && of(&Told::new(), "rows").is_nan());
    }
}
